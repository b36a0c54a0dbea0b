/** Exit codes of a command. */
export const exitCodes = { ok: 0, error: 1, partial: 2 } as const

/** An error that stops a command. Its message is printed without a stack trace. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure'
  readonly exitCode: number

  constructor(message: string, exitCode: number = exitCodes.error, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}
