import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { findCommand, requireBinary } from './binaries.ts'
import { freePort } from './ports.ts'
import { startProcess } from './process.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'

const run = promisify(execFile)
const password = 'hid/den'

/** A private MariaDB server on 127.0.0.1, whose data goes away with it. */
export interface MariaDbServer {
  /** Address of a database for the role `app`, its password percent-encoded. */
  url: (database: string) => string
  /** The password in {@link url}, decoded. */
  readonly password: string
  /** Runs SQL as the superuser; one line a row, fields separated by tabs. */
  query: (sql: string) => Promise<string[]>
  /** How many connections the role of {@link url} holds now. */
  connections: () => Promise<number>
  /** Ends the server and deletes its data. */
  stop: () => Promise<void>
}

/**
 * Initialises and starts MariaDB in a temporary folder and waits until it accepts connections.
 * @throws Error with the server's last log lines when it does not start
 */
export async function startMariaDb(): Promise<MariaDbServer> {
  const port = await freePort()
  const directory = createTemporaryDirectory('mariadb')
  const server = requireBinary('mariadbd')
  const data = join(directory.path, 'data')
  const socket = join(directory.path, 'socket')
  // The server refuses to run as root unless it is told to, and who else may read a folder of this user is not sure.
  const user = process.getuid?.() === 0 ? ['--user=root'] : []
  const install = findCommand('mariadb-install-db') ?? join(dirname(server), '../bin/mariadb-install-db')
  const client = findCommand('mariadb') ?? join(dirname(server), '../bin/mariadb')
  const query = async (sql: string) => {
    const { stdout } = await run(client, ['--no-defaults', '-uroot', '-S', socket, '-N', '-B', '-e', sql], { timeout: 10_000 })
    return stdout.trim().split('\n')
  }
  try {
    await run(install, ['--no-defaults', ...user, `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db'], { timeout: 60_000 })
    const running = await startProcess({
      command: server,
      name: `mariadbd on port ${port}`,
      args: ['--no-defaults', ...user, `--datadir=${data}`, `--port=${port}`, '--bind-address=127.0.0.1', `--socket=${socket}`, `--pid-file=${join(directory.path, 'pid')}`, '--skip-name-resolve'],
      ready: { line: /ready for connections/ },
      readyTimeout: 30_000,
      stopTimeout: 15_000,
    })
    await query(`create user app@'127.0.0.1' identified by '${password}'; grant all on *.* to app@'127.0.0.1'`)
    return {
      password,
      url: database => `mysql://app:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`,
      query,
      connections: async () => Number((await query(`select count(*) from information_schema.processlist where user = 'app'`))[0]),
      stop: async () => {
        await running.stop()
        directory.remove()
      },
    }
  }
  catch (error) {
    directory.remove()
    throw error
  }
}
