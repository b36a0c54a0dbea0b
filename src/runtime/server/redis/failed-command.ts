import type { Breaker } from './breaker'
import { RedisUnavailableError, connectionFault } from './errors'
import type { RedisClient } from './types'

/** The recipients of information about a failed call. */
export interface FailedCommandContext {
  client: Pick<RedisClient, 'status'>
  breaker: Pick<Breaker, 'succeeded' | 'failed' | 'trip'>
  /** Called when the server refused a write because it is a replica. */
  demoted: () => void
}

/** Reports a failed call to the breaker and returns the error for the caller. */
export function judgeFailedCommand(error: unknown, { client, breaker, demoted }: FailedCommandContext): unknown {
  const fault = connectionFault(error)
  if (!fault) {
    if (error instanceof Error && error.name === 'ReplyError') {
      // An error reply proves that the server answers.
      breaker.succeeded()
    }
    return error
  }
  const readOnly = fault.startsWith('READONLY')
  if (readOnly) {
    demoted()
  }
  if (client.status === 'ready' && !readOnly) {
    breaker.failed(fault)
  }
  else {
    breaker.trip(fault)
  }
  return new RedisUnavailableError(fault)
}
