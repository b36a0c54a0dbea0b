import { inspect, stripVTControlCharacters } from 'node:util'
import type { CommandDef } from 'citty'
import { renderUsage, runCommand } from 'citty'
import { version } from '../../package.json'
import type { ScaleCommand } from './support/command'
import { CliFailure, exitCodes } from './support/command'
import { didYouMean } from './support/nearest'
import { deployCommands } from './deploy'
import { dlqCommand } from './dlq'
import { doctorCommand } from './doctor'
import { outboxCommand } from './outbox'
import { migrateCommand } from './migrate'
import { shardsCommand } from './shards'

/** Root command `nuxt-scale`, with all subcommands. */
export const mainCommand: ScaleCommand = {
  meta: {
    name: 'nuxt-scale',
    version,
    description: 'Generate deployment files, move shards, run migrations, manage dead letters and diagnose deployments',
  },
  subCommands: {
    ...deployCommands,
    doctor: doctorCommand,
    shards: shardsCommand,
    migrate: migrateCommand,
    dlq: dlqCommand,
    outbox: outboxCommand,
  },
  examples: [
    'nuxt-scale nginx',
    'nuxt-scale kubernetes',
    'nuxt-scale doctor',
    'nuxt-scale shards plan --add eu2',
    'nuxt-scale migrate --all',
    'nuxt-scale dlq list',
  ],
}

/**
 * Runs one command line.
 *
 * @param args the arguments after the name of the program
 * @returns the exit code: 0 ok, 1 error, 2 partial failure
 */
export async function runCli(args: string[]): Promise<number> {
  const { path, command } = findCommand(args)
  const next = args[path.split(' ').length - 1]
  if (command.subCommands && next !== undefined && !next.startsWith('-')) {
    const names = Object.keys(command.subCommands)
    const hint = `${didYouMean(next, names)} Its commands are ${names.join(', ')}. See ${path} --help.`
    process.stderr.write(`${JSON.stringify(next)} is not a command of ${path}.${hint}\n`)
    return exitCodes.error
  }
  const flags = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined)
  if (flags.includes('--version')) {
    process.stdout.write(`${version}\n`)
    return exitCodes.ok
  }
  if (flags.includes('--help') || flags.includes('-h')) {
    await writeUsage(process.stdout, path, command)
    return exitCodes.ok
  }
  try {
    if (command.subCommands) {
      throw new CliFailure(`${path} needs a command: ${Object.keys(command.subCommands).join(', ')}. See ${path} --help.`)
    }
    const { result } = await runCommand(command, { rawArgs: args.slice(path.split(' ').length - 1) })
    return typeof result === 'number' ? result : exitCodes.ok
  }
  catch (error) {
    const text = !(error instanceof Error) ? String(error) : flags.includes('--debug') ? inspect(error) : error.message
    process.stderr.write(`${stripVTControlCharacters(text)}\n`)
    return error instanceof CliFailure ? error.exitCode : exitCodes.error
  }
}

/** Finds the command whose names `args` begin with. */
export function findCommand(args: string[]): { path: string, command: ScaleCommand } {
  let command = mainCommand
  const path = ['nuxt-scale']
  for (const name of args) {
    const next: ScaleCommand | undefined = Object.hasOwn(command.subCommands ?? {}, name) ? command.subCommands![name] : undefined
    if (next === undefined) break
    command = next
    path.push(name)
  }
  return { path: path.join(' '), command }
}

async function writeUsage(stream: NodeJS.WriteStream, path: string, command: ScaleCommand): Promise<void> {
  const parent: CommandDef = { meta: { name: path.split(' ').slice(0, -1).join(' '), version } }
  const usage = (await renderUsage({ ...command, meta: { ...command.meta, name: path.split(' ').at(-1)! } }, parent)).trimEnd()
  const examples = command.examples.map(example => `  ${example}`).join('\n')
  const text = `${usage}\n\nEXAMPLES\n\n${examples}\n`
  stream.write(stream.isTTY ? text : stripVTControlCharacters(text))
}
