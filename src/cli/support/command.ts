import type { ArgsDef, CommandDef, ParsedArgs } from 'citty'
import { CliFailure } from './exit'
import { didYouMean } from './nearest'
import type { Terminal } from './terminal'
import { openTerminal } from './terminal'

/** A command with examples, which `--help` shows. */
export interface ScaleCommand {
  meta: { name?: string, version?: string, description: string }
  examples: string[]
  args?: ArgsDef
  subCommands?: Record<string, ScaleCommand>
  run?: CommandDef['run']
}

/** What every command takes. */
const commonArgs = {
  cwd: { type: 'string', description: 'The folder of the app', valueHint: 'folder', default: '.' },
  debug: { type: 'boolean', description: 'Print below an error where it comes from' },
  json: { type: 'boolean', description: 'Print one JSON document on stdout and nothing else there' },
} as const satisfies ArgsDef

/** What a command is given. */
export interface CommandInput<Args extends ArgsDef> {
  args: ParsedArgs<Args & typeof commonArgs>
  terminal: Terminal
}

/**
 * A command that refuses flags it does not know, so that a misspelt one cannot be ignored in silence.
 *
 * @param definition `run` returns the exit code
 */
export function defineScaleCommand<const Args extends ArgsDef>({ args: own, run, resultOnly = false, readsApp = true, ...rest }: {
  meta: { description: string }
  examples: string[]
  args: Args
  /** Whether stdout holds the result alone without `--json` too, as for a document. */
  resultOnly?: boolean
  /** Whether it reads an app, and so takes `--cwd`. */
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

/** @throws CliFailure when a flag is not one of `args`, or a word has no flag */
export function refuseUnknownFlags(given: Record<string, unknown> & { _: string[] }, args: ArgsDef): void {
  for (const [flag, value] of Object.entries(given)) {
    if (flag === '_') continue
    const name = flag.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
    const known = args[name]
    if (!known) {
      const flags = Object.keys(args).map(arg => `--${arg}`)
      throw new CliFailure(`--${name} is not a flag of this command.${didYouMean(`--${name}`, flags)} It takes ${flags.join(', ')}.`)
    }
    if (known.type === 'string' && value === '') throw new CliFailure(`--${name} has no value: write --${name}=<${known.valueHint ?? 'value'}>.`)
  }
  if (given._.length > 0) throw new CliFailure(`${JSON.stringify(given._[0])} stands alone: write a flag before it, and values without spaces or in quotes.`)
}

/** The values of a flag, separated by commas. */
export function listOf(flag: string | undefined): string[] {
  return (flag ?? '').split(',').map(value => value.trim()).filter(Boolean)
}

/** A whole number. */
export function countOf(flag: string, name: string, least = 1): number {
  const count = Number(flag)
  if (!Number.isSafeInteger(count) || count < least) throw new CliFailure(`--${name} is ${JSON.stringify(flag)}: write a whole number of at least ${least}.`)
  return count
}
