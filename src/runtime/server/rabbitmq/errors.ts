/** A message was not stored, or nobody knows. `code` tells which. */
export class PublishError extends Error {
  /**
   * `UNROUTABLE`: no queue takes it. `EXCHANGE`: its exchange is not there or refused it. `BUFFER_FULL`, `BLOCKED`, `CLOSED`, `UNAVAILABLE`: it was never sent;
   * the last when its time was up before there was a connection that took it.
   * `UNKNOWN_OUTCOME`: it was sent, and no confirm came in time; it may be stored. `REFUSED`: the broker could not store it.
   */
  readonly code: 'UNROUTABLE' | 'EXCHANGE' | 'BUFFER_FULL' | 'BLOCKED' | 'CLOSED' | 'UNAVAILABLE' | 'UNKNOWN_OUTCOME' | 'REFUSED'

  constructor(code: PublishError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PublishError'
    this.code = code
  }
}
