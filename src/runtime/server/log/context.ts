import { instanceName, parseRole } from '../core/instance'
import { useScaleConfig } from '../core/scale-config'
import { callContext } from '../request/call-context'
import { currentTrace, traceIdOf } from '../request/trace'

/** Fields of a log line: where the call that wrote it belongs. A field without a value is absent. */
export interface ScaleLogContext {
  /** Id of the request; in a consumer, the trace id of the message. */
  requestId?: string
  /** Id of the tenant. */
  tenant?: string
  /** Name of this instance. */
  instance: string
  /** Work that this instance does: `all`, `web` or `worker`. */
  role: string
}

/** The part that is the same in every line of a process. */
let ownContext: Pick<ScaleLogContext, 'instance' | 'role'> | undefined

/**
 * Returns the fields that belong in each line of your own logger: request id, tenant, instance and role of the current call.
 *
 * @example
 * ```ts
 * const logger = pino({ mixin: () => scaleLogContext() })
 * ```
 */
export function scaleLogContext(): ScaleLogContext {
  const call = callContext()
  const trace = currentTrace()
  const requestId = call?.requestId ?? (trace && traceIdOf(trace))
  const tenant = call?.tenant?.id
  return {
    ...requestId !== undefined && { requestId },
    ...tenant !== undefined && { tenant },
    ...ownContext ??= { instance: instanceName(), role: parseRole(useScaleConfig().role) },
  }
}
