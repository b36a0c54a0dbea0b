/** A shard that did not answer. Its message names the shard alone; what the shard said is its `cause`. */
export class ScatterError extends Error {
  override readonly name = 'ScatterError'
  readonly shard: string
  /** Whether its deadline passed. */
  readonly timedOut: boolean

  constructor(shard: string, message: string, { timedOut = false, cause }: { timedOut?: boolean, cause?: unknown } = {}) {
    super(`The shard ${shard} ${message}.`, cause === undefined ? undefined : { cause })
    this.shard = shard
    this.timedOut = timedOut
  }
}
