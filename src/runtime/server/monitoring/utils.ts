import type { MonitoringRing } from './ring'
import { monitoringService } from './service'
import type { ClientError, ResolvedFrame } from './types'

/** The reports of browsers to this process. */
export interface Monitoring extends Pick<MonitoringRing, 'errors' | 'findError' | 'pages' | 'resources' | 'totalErrors'> {
  /** Returns the stack of an error in the sources of the app. */
  resolveStack: (error: Pick<ClientError, 'frames'>) => Promise<ResolvedFrame[]>
}

/**
 * Returns the reports of browsers to this process: groups of errors, web vitals and slow resources. Each instance has its own.
 *
 * @throws Error before the server has started, or if `scale.monitoring` is off
 */
export function useMonitoring(): Monitoring {
  const { ring, resolve } = monitoringService.use()
  const { errors, findError, pages, resources, totalErrors } = ring
  return { errors, findError, pages, resources, totalErrors, resolveStack: resolve }
}
