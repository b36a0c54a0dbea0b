import { HttpError } from '../request/errors'

/** A shard failed or did not answer in time. The message only names the shard; the shard's own error is `cause`. */
export class ScatterError extends HttpError {
  readonly shard: string
  /** Whether the shard missed its deadline. */
  readonly timedOut: boolean

  constructor(shard: string, message: string, { timedOut = false, cause }: { timedOut?: boolean, cause?: unknown } = {}) {
    const code = timedOut ? 'SHARD_TIMEOUT' : 'SHARD_FAILED'
    super(timedOut ? 503 : 500, code, `The shard ${shard} ${message}.`, { cause, retryAfter: timedOut ? 1 : undefined })
    this.name = 'ScatterError'
    this.shard = shard
    this.timedOut = timedOut
  }
}
