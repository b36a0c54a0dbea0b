import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'

/** One program the tests run, and the Debian package that brings it. */
export interface BinaryRequirement {
  /** Name used in messages and for look-ups. */
  name: string
  /** Command names or absolute paths that satisfy the requirement, the preferred one first. */
  commands: string[]
  /** Environment variable that may hold an absolute path, which then wins over the search in PATH. */
  environmentVariable?: string
  /** Folders to look in besides PATH and those of the administrator. */
  folders?: () => string[]
  /** Debian package to install when none of the commands is found. */
  debianPackage: string
}

/** Debian keeps PostgreSQL's server out of PATH, in a folder a version; the newest comes first. */
function postgresFolders(): string[] {
  const root = '/usr/lib/postgresql'
  try {
    return readdirSync(root).sort((one, other) => Number(other) - Number(one)).map(version => join(root, version, 'bin'))
  }
  catch {
    return []
  }
}

/** Every program the tests need. A further server is one more row. */
export const binaryRequirements: readonly BinaryRequirement[] = [
  { name: 'redis-server', commands: ['redis-server'], debianPackage: 'redis-server' },
  { name: 'redis-cli', commands: ['redis-cli'], debianPackage: 'redis-tools' },
  { name: 'postgres', commands: ['postgres'], folders: postgresFolders, debianPackage: 'postgresql' },
  { name: 'mariadbd', commands: ['mariadbd'], debianPackage: 'mariadb-server' },
  { name: 'nginx', commands: ['nginx'], debianPackage: 'nginx' },
  { name: 'haproxy', commands: ['haproxy'], debianPackage: 'haproxy' },
  { name: 'caddy', commands: ['caddy'], debianPackage: 'caddy' },
  { name: 'varnishd', commands: ['varnishd'], debianPackage: 'varnish' },
  // Debian's commands of the same names in PATH are wrappers that become another user first.
  { name: 'rabbitmq-server', commands: ['/usr/lib/rabbitmq/bin/rabbitmq-server', 'rabbitmq-server'], environmentVariable: 'RABBITMQ_SERVER_PATH', debianPackage: 'rabbitmq-server' },
  { name: 'rabbitmqctl', commands: ['/usr/lib/rabbitmq/bin/rabbitmqctl', 'rabbitmqctl'], environmentVariable: 'RABBITMQCTL_PATH', debianPackage: 'rabbitmq-server' },
  { name: 'epmd', commands: ['epmd'], environmentVariable: 'EPMD_PATH', debianPackage: 'erlang-base' },
  { name: 'openssl', commands: ['openssl'], debianPackage: 'openssl' },
  { name: 'promtool', commands: ['promtool'], debianPackage: 'prometheus' },
  // Loads the servers of the bench.
  { name: 'wrk', commands: ['wrk'], debianPackage: 'wrk' },
  {
    name: 'chromium',
    commands: ['chromium', 'chromium-browser', 'google-chrome'],
    environmentVariable: 'CHROMIUM_PATH',
    debianPackage: 'chromium',
  },
]

// Servers such as nginx live here, and the PATH of a plain user leaves these folders out.
const administrationFolders = ['/usr/local/sbin', '/usr/sbin']

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  }
  catch {
    return false
  }
}

/**
 * Looks a command up as a shell would.
 * @returns its absolute path, or `undefined` when no folder holds it
 */
export function findCommand(command: string, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  if (isAbsolute(command)) {
    return isExecutable(command) ? command : undefined
  }
  const folders = [...(environment.PATH ?? '').split(delimiter).filter(Boolean), ...administrationFolders]
  return folders.map(folder => join(folder, command)).find(isExecutable)
}

/**
 * Finds the program of one requirement: the environment variable first, then each command name in PATH.
 * @returns its absolute path, or `undefined` when it is missing
 */
export function locateBinary(requirement: BinaryRequirement, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const explicit = requirement.environmentVariable && environment[requirement.environmentVariable]
  if (explicit && isExecutable(explicit)) {
    return explicit
  }
  for (const command of requirement.commands) {
    const path = findCommand(command, environment)
      ?? requirement.folders?.().map(folder => join(folder, command)).find(isExecutable)
    if (path) {
      return path
    }
  }
}

/**
 * Absolute path of a program from {@link binaryRequirements}.
 * @throws Error when the name is not in the table or the program is missing
 */
export function requireBinary(name: string): string {
  const requirement = binaryRequirements.find(candidate => candidate.name === name)
  if (!requirement) {
    throw new Error(`"${name}" is not in the table of test/support/binaries.ts: add a row for it.`)
  }
  const path = locateBinary(requirement)
  if (!path) {
    throw new Error(`The tests need "${name}" and it is not installed: run "node test/support/install.ts".`)
  }
  return path
}
