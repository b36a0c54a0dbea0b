/** Thrown when a move cannot continue. The message is one sentence that says what is wrong and what to do. */
export class ReshardError extends Error {
  override readonly name: string = 'ReshardError'
}

/** Thrown when a statement fails. */
export class ShardStatementError extends ReshardError {
  /** SQLSTATE; undefined if the connection failed. */
  readonly code: string | undefined
  readonly constraint: string | undefined

  constructor(message: string, code?: string, constraint?: string) {
    super(message)
    this.code = code
    this.constraint = constraint
  }
}
