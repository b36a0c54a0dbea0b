import { parseArgs } from 'citty'
import { findCommand } from '../../src/cli/run'
import { refuseUnknownFlags } from '../../src/cli/support/command'
import { optionVariables } from './environment'

/** The programs that a command line of the documentation may start. */
const PROGRAMS = new Set(['node', 'npm', 'npx', 'curl', 'docker', 'kubectl', 'nginx', 'haproxy', 'caddy', 'systemctl', 'printf', 'mkdir', 'export', 'cat', 'jq', 'openssl'])
const NUXT_COMMANDS = new Set(['build', 'module', 'prepare', 'typecheck'])
const PRISMA_COMMANDS = new Set(['generate', 'migrate'])

/** Variables that programs other than this module read. */
const FOREIGN_VARIABLES = /^(?:NODE_EXTRA_CA_CERTS|TOKEN|(?:RABBITMQ|REDIS|DATABASE)_URL(?:_\w+)?)$/
const variables = new Set(optionVariables().map(({ name }) => name))

/**
 * What is wrong with a block of shell: a program, a command, a flag or a variable that does not exist.
 *
 * @param scripts names of the npm scripts of this repository
 */
export function faultsOfShell(text: string, scripts: readonly string[]): string[] {
  return commandsIn(text).flatMap((words) => {
    const set = words.findIndex(word => !/^[A-Z]\w*=/.test(word))
    const assigned = words.slice(0, set === -1 ? undefined : set).map(word => word.split('=')[0]!)
    const unknown = assigned.filter(name => !FOREIGN_VARIABLES.test(name) && !isKnownVariable(name))
    const command = set === -1 ? [] : words.slice(set)
    return [...unknown.map(name => `the variable ${name} is not read by anything`), ...faultsOfCommand(command, scripts)]
  })
}

/** Whether the module reads a variable; a tenant or a shard of the reader's makes one of its own. */
export function isKnownVariable(name: string): boolean {
  return variables.has(name) || name === 'NUXT_SCALE_TARGET' || name === 'NUXT_SCALE_INSTANCE' || /^NUXT_SCALE_(?:TENANCY|SHARDS)_MAP_\w+$/.test(name)
}

function faultsOfCommand([program, ...args]: string[], scripts: readonly string[]): string[] {
  if (program === undefined) return []
  if (!PROGRAMS.has(program)) return [`${program} is not a program that pages use`]
  if (program === 'npm' && args[0] === 'run' && !scripts.includes(args[1]!)) return [`there is no npm script ${args[1]}`]
  if (program !== 'npx') return []
  const [tool, ...rest] = args
  if (tool === 'nuxt') return NUXT_COMMANDS.has(rest[0]!) ? [] : [`nuxt ${rest[0]} is not checked`]
  if (tool === 'prisma') return PRISMA_COMMANDS.has(rest[0]!) ? [] : [`prisma ${rest[0]} is not checked`]
  if (tool === 'vitest') return []
  if (tool !== 'nuxt-scale') return [`npx ${tool} is not checked`]
  const { path, command } = findCommand(rest)
  const given = rest.slice(path.split(' ').length - 1)
  if (command.subCommands) return [`${path} ${given.join(' ')} names no command`]
  try {
    refuseUnknownFlags(parseArgs(given, command.args ?? {}), command.args ?? {})
    return []
  }
  catch (error) {
    return [(error as Error).message]
  }
}

/** The simple commands of a script, as words: without comments, redirections and what quotes hold together. */
function commandsIn(text: string): string[][] {
  const commands: string[][] = []
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    let words: string[] = []
    const end = () => {
      if (words.length > 0) commands.push(words)
      words = []
    }
    for (const [token] of line.matchAll(/#.*$|\|\||&&|[|;]|>>?\s*\S+|(?:\$\([^)]*\)|'[^']*'|"[^"]*"|[^\s|;&>'"$]|\$(?!\())+/g)) {
      if (token.startsWith('#')) break
      else if (/^(?:\|\|?|&&|;)$/.test(token)) end()
      else if (!token.startsWith('>')) words.push(token.replaceAll(/^['"]|['"]$/g, ''))
    }
    end()
  }
  return commands
}
