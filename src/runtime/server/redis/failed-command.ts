import type { Breaker } from './breaker'
import { RedisUnavailableError, connectionFault } from './errors'
import type { RedisClient } from './types'

/** Who has to know of a failed call. */
export interface FailedCommandContext {
  client: Pick<RedisClient, 'status'>
  breaker: Pick<Breaker, 'succeeded' | 'failed' | 'trip'>
  /** Told that a write was refused as by a replica. */
  demoted: () => void
}

/** Feeds the breaker with a failed call and returns what the caller gets. */
export function judgeFailedCommand(error: unknown, { client, breaker, demoted }: FailedCommandContext): unknown {
  const fault = connectionFault(error)
  if (!fault) {
    if (error instanceof Error && error.name === 'ReplyError') {
      // An error reply is an answer.
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
