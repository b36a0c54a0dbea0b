import type { ArgsDef, CommandDef, ParsedArgs } from 'citty'
import { didYouMean } from './nearest'
import type { Terminal } from './terminal'
import { openTerminal } from './terminal'

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

/** A command with the examples that `--help` prints. */
export interface ScaleCommand {
  meta: { name?: string, version?: string, description: string }
  examples: string[]
  args?: ArgsDef
  subCommands?: Record<string, ScaleCommand>
  run?: CommandDef['run']
}

/** Flags that every command accepts. */
const commonArgs = {
  cwd: { type: 'string', description: 'The folder of the app', valueHint: 'folder', default: '.' },
  debug: { type: 'boolean', description: 'Print the stack trace of an error' },
  json: { type: 'boolean', description: 'Print one JSON document to stdout, and nothing else' },
} as const satisfies ArgsDef

/** Input of a command. */
export interface CommandInput<Args extends ArgsDef> {
  args: ParsedArgs<Args & typeof commonArgs>
  terminal: Terminal
}

/**
 * Defines a command that rejects unknown flags: a misspelt flag must not be ignored silently.
 *
 * @param definition the command; its `run` returns the exit code
 */
export function defineScaleCommand<const Args extends ArgsDef>({ args: own, run, resultOnly = false, readsApp = true, ...rest }: {
  meta: { description: string }
  examples: string[]
  args: Args
  /** Whether only the result goes to stdout, even without `--json`. */
  resultOnly?: boolean
  /** Whether the command reads an app, and accepts `--cwd`. */
  readsApp?: boolean
  run: (input: CommandInput<Args>) => Promise<number>
}): ScaleCommand {
  const { cwd, ...others } = commonArgs
  const args: ArgsDef = { ...own, ...readsApp && { cwd }, ...others }
  return {
    ...rest,
    args,
    async run({ args: given }) {
      refuseUnknownFlags(given, args)
      const terminal = openTerminal({ json: given.json as boolean | undefined ?? false, resultOnly })
      try {
        return await run({ args: given as CommandInput<Args>['args'], terminal })
      }
      finally {
        terminal.close()
      }
    },
  }
}

/** @throws CliFailure if a flag is not one of `args`, or a value has no flag */
export function refuseUnknownFlags(given: Record<string, unknown> & { _: string[] }, args: ArgsDef): void {
  for (const [flag, value] of Object.entries(given)) {
    if (flag === '_') continue
    const name = flag.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
    const known = args[name]
    if (!known) {
      const flags = Object.keys(args).map(arg => `--${arg}`)
      throw new CliFailure(`--${name} is not a flag of this command.${didYouMean(`--${name}`, flags)} Its flags are ${flags.join(', ')}.`)
    }
    if (known.type === 'string' && value === '') {
      throw new CliFailure(`--${name} has no value: write --${name}=<${known.valueHint ?? 'value'}>.`)
    }
  }
  if (given._.length > 0) {
    throw new CliFailure(`${JSON.stringify(given._[0])} has no flag: write a flag before it, and put values with spaces in quotes.`)
  }
}

/** Splits the value of a flag at its commas. */
export function listOf(flag: string | undefined): string[] {
  return (flag ?? '').split(',').map(value => value.trim()).filter(Boolean)
}

/** Parses the value of a flag as a whole number. */
export function countOf(flag: string, name: string, least = 1): number {
  const count = Number(flag)
  if (!Number.isSafeInteger(count) || count < least) {
    throw new CliFailure(`--${name} is ${JSON.stringify(flag)}: write a whole number of at least ${least}.`)
  }
  return count
}
