/** Thrown when a move cannot continue. The message is one sentence that says what is wrong and what to do. */
export class ReshardError extends Error {
  override readonly name: string = 'ReshardError'
}
