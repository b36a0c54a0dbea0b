import { Redis } from 'ioredis'
import type { RedisOptions } from 'ioredis'
import { requireBinary } from './binaries.ts'
import { freePort } from './ports.ts'
import { startProcess } from './process.ts'
import type { ManagedProcess } from './process.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'
import { clientTls, createServerCertificates, tlsArguments } from './tls.ts'
import type { ServerCertificates } from './tls.ts'

/** What a private Redis server is started with. */
export interface StartRedisOptions {
  /** Password clients must give (`requirepass`). Default: none. */
  password?: string
  /** Serves TLS only, under these certificates or under its own, whose authority is returned as `ca`. Default false. */
  tls?: boolean | ServerCertificates
  /** With `tls`: refuses clients that show no certificate of the same authority. Default false. */
  clientCertificates?: boolean
  /** Port to listen on. Default: a free one. */
  port?: number
  /** Further arguments of redis-server, such as `['--maxmemory', '10mb']`. */
  args?: string[]
}

/** A private Redis server on 127.0.0.1 that keeps nothing on disk. */
export interface RedisServer {
  /** Always `127.0.0.1`. */
  readonly host: string
  /** Port it listens on, the same after a restart. */
  readonly port: number
  /** `redis://` or `rediss://` address with the password in it. */
  readonly url: string
  /** Certificate of the authority a client must trust, only with `tls`. */
  readonly ca?: string
  /** Process id of the running server; another one after a restart. */
  readonly pid: number
  /** False while the server is killed or stopped. */
  readonly running: boolean
  /** A connection with the right address, password and authority; closed by `stop()`. */
  client: (options?: RedisOptions) => Redis
  /** Last lines of the server's log. */
  output: () => string[]
  /** Sends a signal (default SIGKILL) and resolves when the server has ended. `restart()` brings it back. */
  kill: (signal?: NodeJS.Signals) => Promise<void>
  /** Freezes the server: connections stay open and nothing is answered. */
  pause: () => Promise<void>
  /** Lets a frozen server run on. */
  resume: () => Promise<void>
  /** Starts the server again on the same port, empty; a running one is killed first. */
  restart: () => Promise<void>
  /** Ends the server and its clients for good and deletes its folder. Safe to call twice. */
  stop: () => Promise<void>
}

/** A command through which a control connection talks to a server that may be down for a while. */
const controlOptions: RedisOptions = {
  connectTimeout: 2000,
  maxRetriesPerRequest: 5,
  retryStrategy: attempt => Math.min(attempt * 50, 500),
}

/** Opens a connection that never emits an unhandled `error`, which ioredis would print. */
export function openClient(options: RedisOptions): Redis {
  const client = new Redis({ ...controlOptions, ...options })
  // Commands reject by themselves; the event only repeats it.
  client.on('error', () => {})
  return client
}

/**
 * Starts redis-server in a temporary folder and waits until it accepts connections.
 * @throws Error with the server's last log lines when it does not start
 */
export async function startRedis(options: StartRedisOptions = {}): Promise<RedisServer> {
  const { password, tls = false, clientCertificates = false, args = [] } = options
  const host = '127.0.0.1'
  const port = options.port ?? await freePort()
  const directory = createTemporaryDirectory('redis')
  const clients = new Set<Redis>()
  let stopped = false
  let server: ManagedProcess
  let certificates: ServerCertificates | undefined

  let listenArguments = ['--port', String(port)]
  try {
    if (tls) {
      certificates = tls === true ? await createServerCertificates(directory.path) : tls
      listenArguments = tlsArguments(port, certificates, clientCertificates).flatMap(([name, value]) => [`--${name}`, value])
    }
    server = await start()
  }
  catch (error) {
    directory.remove()
    throw error
  }

  function start(): Promise<ManagedProcess> {
    return startProcess({
      command: requireBinary('redis-server'),
      name: `redis-server on port ${port}`,
      args: [
        ...listenArguments,
        '--bind', host,
        '--dir', directory.path,
        '--save', '',
        '--appendonly', 'no',
        '--daemonize', 'no',
        '--repl-diskless-sync-delay', '0',
        ...(password ? ['--requirepass', password, '--masterauth', password] : []),
        ...args,
      ],
      ready: { line: /Ready to accept connections/ },
    })
  }

  const scheme = tls ? 'rediss' : 'redis'
  const credentials = password ? `:${encodeURIComponent(password)}@` : ''

  return {
    host,
    port,
    url: `${scheme}://${credentials}${host}:${port}`,
    ca: certificates?.ca,
    get pid() {
      return server.pid
    },
    get running() {
      return server.running
    },
    client: (clientOptions = {}) => {
      const client = openClient({ host, port, password, tls: certificates && clientTls(certificates), ...clientOptions })
      clients.add(client)
      client.once('end', () => clients.delete(client))
      return client
    },
    output: () => server.output(),
    kill: async (signal) => {
      await server.kill(signal)
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    restart: async () => {
      if (stopped) {
        throw new Error(`The redis-server on port ${port} was stopped for good: use kill() before restart().`)
      }
      await server.kill()
      server = await start()
    },
    stop: async () => {
      stopped = true
      clients.forEach(client => client.disconnect())
      clients.clear()
      await server.kill()
      directory.remove()
    },
  }
}

/** Keys of the server that would stay for ever. */
export async function keysWithoutExpiry(server: Pick<RedisServer, 'client'>): Promise<string[]> {
  const client = server.client()
  const keys: string[] = []
  let cursor = '0'
  do {
    const [next, found] = await client.scan(cursor, 'COUNT', 1000)
    const expiries = await Promise.all(found.map(key => client.pttl(key)))
    keys.push(...found.filter((_, index) => expiries[index] === -1))
    cursor = next
  } while (cursor !== '0')
  client.disconnect()
  return keys
}
