/** What a script reads from the end of a command. */
export const exitCodes = { ok: 0, error: 1, partial: 2 } as const

/** The end of a command whose message is all that there is to say. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure'
  readonly exitCode: number

  constructor(message: string, exitCode: number = exitCodes.error, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}
