import { HttpError } from '../request/errors'

/** A shard that did not answer. Its message names the shard alone; what the shard said is its `cause`. */
export class ScatterError extends HttpError {
  readonly shard: string
  /** Whether its deadline passed. */
  readonly timedOut: boolean

  constructor(shard: string, message: string, { timedOut = false, cause }: { timedOut?: boolean, cause?: unknown } = {}) {
    super(timedOut ? 503 : 500, timedOut ? 'SHARD_TIMEOUT' : 'SHARD_FAILED', `The shard ${shard} ${message}.`, { cause, retryAfter: timedOut ? 1 : undefined })
    this.name = 'ScatterError'
    this.shard = shard
    this.timedOut = timedOut
  }
}
