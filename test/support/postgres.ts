import { execFile } from 'node:child_process'
import { chownSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { findCommand, requireBinary } from './binaries.ts'
import { freePort } from './ports.ts'
import { startProcess } from './process.ts'
import type { ManagedProcess } from './process.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'
import { waitFor } from './wait.ts'

const run = promisify(execFile)
const initTimeout = 60_000
/** The user that Debian's package makes, as which the server runs where the tests are root. */
const serverUser = 'postgres'
const password = 'hidden'

/** What a private PostgreSQL server is started with. */
export interface StartPostgresOptions {
  /** `max_connections`; three of them are kept for the superuser. Default 100. */
  maxConnections?: number
  /** Further settings, such as `{ log_connections: 'on' }`. */
  settings?: Record<string, string>
}

/** A private PostgreSQL server on 127.0.0.1, whose data goes away with it. */
export interface PostgresServer {
  /** Always `127.0.0.1`. */
  readonly host: string
  /** Port it listens on, the same after a restart. */
  readonly port: number
  /** Address for a role that is no superuser, so that `max_connections` holds for it. Default database: `app`. */
  url: (database?: string) => string
  /** The password in {@link url}. It must show up nowhere. */
  readonly password: string
  /** False while the server is killed or stopped. */
  readonly running: boolean
  /** Runs SQL as the superuser, over a reserved connection. */
  query: <Row extends pg.QueryResultRow>(sql: string, database?: string) => Promise<Row[]>
  /** Creates databases that the role of {@link url} owns. */
  createDatabases: (...names: string[]) => Promise<void>
  /** Creates schemas that the role of {@link url} owns. */
  createSchemas: (database: string, ...names: string[]) => Promise<void>
  /** How many connections the role of {@link url} holds now, as the server counts them. */
  connections: () => Promise<number>
  /** Last lines of the server's log. */
  output: () => string[]
  /** Log lines that say that a connection was refused because there were too many (SQLSTATE 53300). */
  refusals: () => string[]
  /** Ends the server at once, as a crash would. `restart()` brings it back. */
  kill: () => Promise<void>
  /** Freezes every process of the server: connections stay open and nothing is answered. */
  pause: () => Promise<void>
  /** Lets a frozen server run on. */
  resume: () => Promise<void>
  /** Starts the server again on the same port with its data; a running one is killed first. */
  restart: () => Promise<void>
  /** Ends the server for good and deletes its data. Safe to call twice. */
  stop: () => Promise<void>
}

function asServerUser(command: string, args: string[]): [string, string[]] {
  // initdb and postgres refuse to run as root. setpriv becomes the program instead of standing in front of it, so the
  // server is a child of this process; the change of user drops the parent-death signal, so it is set once more.
  return process.getuid?.() === 0
    ? [findCommand('setpriv') ?? 'setpriv', ['--reuid', serverUser, '--regid', serverUser, '--init-groups', '--pdeathsig', 'SIGKILL', '--', command, ...args]]
    : [command, args]
}

async function idOf(flag: '-u' | '-g'): Promise<number> {
  return Number((await run('id', [flag, serverUser])).stdout)
}

/**
 * Initialises and starts PostgreSQL in a temporary folder and waits until it accepts connections.
 * @throws Error with the server's last log lines when it does not start
 */
export async function startPostgres(options: StartPostgresOptions = {}): Promise<PostgresServer> {
  const host = '127.0.0.1'
  const port = await freePort()
  const directory = createTemporaryDirectory('postgres')
  const data = join(directory.path, 'data')
  const binary = requireBinary('postgres')
  const settings: Record<string, string> = {
    port: String(port),
    listen_addresses: host,
    unix_socket_directories: '',
    max_connections: String(options.maxConnections ?? 100),
    // Nothing here must survive the machine; a killed server keeps what it has confirmed, which is with the kernel by then.
    fsync: 'off',
    full_page_writes: 'off',
    shared_buffers: '16MB',
    log_error_verbosity: 'verbose',
    ...options.settings,
  }
  const superuser = process.getuid?.() === 0 ? serverUser : userInfo().username
  let stopped = false
  let server: ManagedProcess

  async function start(): Promise<ManagedProcess> {
    const [command, args] = asServerUser(binary, ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])])
    return startProcess({
      command,
      args,
      cwd: directory.path,
      name: `postgres on port ${port}`,
      ready: { line: /database system is ready to accept connections/ },
      readyTimeout: 30_000,
      outputLines: 5000,
    })
  }

  /** The postmaster and its children. */
  function serverProcesses(): number[] {
    const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8')
    return [server.pid, ...children.split(' ').filter(Boolean).map(Number)]
  }

  function signal(name: NodeJS.Signals): void {
    for (const pid of serverProcesses()) {
      try {
        process.kill(pid, name)
      }
      catch {
        // It ended between the listing and now.
      }
    }
  }

  async function kill(): Promise<void> {
    if (!server.running) return
    signal('SIGKILL')
    await server.kill()
  }

  async function query<Row extends pg.QueryResultRow>(sql: string, database = 'postgres'): Promise<Row[]> {
    const client = new pg.Client({ host, port, user: superuser, database, connectionTimeoutMillis: 30_000, query_timeout: 30_000 })
    await client.connect()
    try {
      return (await client.query<Row>(sql)).rows
    }
    finally {
      await client.end()
    }
  }

  try {
    if (process.getuid?.() === 0) chownSync(directory.path, await idOf('-u'), await idOf('-g'))
    const [command, args] = asServerUser(join(dirname(binary), 'initdb'), ['-D', data, '-U', superuser, '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C', '--no-sync'])
    await run(command, args, { cwd: directory.path, timeout: initTimeout })
    server = await start()
    await query(`create role app login password '${password}'`)
    await query('create database app owner app')
  }
  catch (error) {
    directory.remove()
    throw error
  }

  return {
    host,
    port,
    password,
    url: (database = 'app') => `postgresql://app:${password}@${host}:${port}/${database}`,
    get running() {
      return server.running
    },
    query,
    createDatabases: async (...names) => {
      for (const name of names) await query(`create database ${name} owner app`)
    },
    createSchemas: async (database, ...names) => {
      await query(names.map(name => `create schema if not exists ${name} authorization app`).join(';'), database)
    },
    connections: async () => (await query<{ count: number }>(`select count(*)::int as count from pg_stat_activity where usename = 'app'`))[0]!.count,
    output: () => server.output(),
    refusals: () => server.output().filter(line => /\b[A-Z]+: {2}53300: /.test(line)),
    kill,
    pause: async () => signal('SIGSTOP'),
    resume: async () => signal('SIGCONT'),
    restart: async () => {
      if (stopped) {
        throw new Error(`The postgres on port ${port} was stopped for good: use kill() before restart().`)
      }
      await kill()
      // The children of a killed server hold its memory until they have noticed.
      server = await waitFor(start, { timeout: 30_000, message: `postgres on port ${port} to start again` })
    },
    stop: async () => {
      stopped = true
      if (server.running) {
        signal('SIGCONT')
        // A fast shutdown: the server ends its sessions and waits for its children, where a killed one leaves them behind.
        await server.kill('SIGINT')
      }
      directory.remove()
    },
  }
}
