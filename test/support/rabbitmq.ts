import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { connect } from 'amqplib'
import type { Channel, ChannelModel, Message } from 'amqplib'
import { requireBinary } from './binaries.ts'
import { freePort } from './ports.ts'
import { startProcess } from './process.ts'
import type { ManagedProcess } from './process.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'
import type { ServerCertificates } from './tls.ts'

const run = promisify(execFile)
const commandTimeout = 30_000
const user = 'app'
const password = 'hunter2'

/** What a message was that {@link RabbitServer.drain} took off a queue. */
interface StoredMessage {
  messageId: string
  content: Buffer
}

/** A private RabbitMQ on 127.0.0.1, whose data goes away with it. */
export interface RabbitServer {
  readonly host: string
  /** Port it listens on, the same after a restart. */
  readonly port: number
  /** `amqp://` address with user and password. @param port another one, such as that of a proxy */
  url: (port?: number) => string
  /** `amqps://` address of a server that was started with certificates. @param host another name of this machine. Default `127.0.0.1` */
  secureUrl: (host?: string) => string
  /** The password in {@link url}. It must show up nowhere. */
  readonly password: string
  /** Process id of the running server. */
  readonly pid: number
  /** False while the server is killed or stopped. */
  readonly running: boolean
  /** A plain amqplib connection that owes nothing to the code under test; closed by `stop()`. */
  client: () => Promise<ChannelModel>
  /** Does something on a channel of its own, of a connection of its own. */
  onChannel: <Result>(work: (channel: Channel) => Promise<Result>) => Promise<Result>
  /** How many messages wait in a queue, as another client sees it. */
  count: (queue: string) => Promise<number>
  /** Takes every message off a queue, as another client. */
  drain: (queue: string) => Promise<StoredMessage[]>
  /** Runs `rabbitmqctl` and returns what it printed. */
  control: (...args: string[]) => Promise<string>
  /** Raises (true) or ends the memory alarm, which blocks all that publish. */
  memoryAlarm: (on: boolean) => Promise<void>
  /** Closes every connection from the side of the server, as an operator would. */
  closeConnections: () => Promise<void>
  /** Last lines of the server's log. */
  output: () => string[]
  /** Ends the server at once, as a crash would. `restart()` brings it back. */
  kill: () => Promise<void>
  /** Freezes the server: connections stay open and nothing is answered. */
  pause: () => Promise<void>
  /** Lets a frozen server run on. */
  resume: () => Promise<void>
  /** Starts the server again on the same port with its data; a running one is killed first. */
  restart: () => Promise<void>
  /** Ends the server and its clients for good and deletes its data. Safe to call twice. */
  stop: () => Promise<void>
}

async function drainQueue(channel: Channel, queue: string): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = []
  let last: Message | undefined
  await channel.prefetch(1000)
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (!message) return
    messages.push({ messageId: String(message.properties.messageId), content: message.content })
    last = messages.length % 500 === 0 ? undefined : message
    if (!last) channel.ack(message, true)
  })
  for (let before = -1; before !== messages.length;) {
    before = messages.length
    if (last) channel.ack(last, true)
    last = undefined
    // What is unacknowledged is not counted: none may be left when nothing has come for a while.
    await sleep(500)
    if ((await channel.checkQueue(queue)).messageCount > 0) before = -1
  }
  await channel.cancel(consumerTag)
  return messages
}

/** What a private RabbitMQ is started with. */
export interface StartRabbitOptions {
  /** Listens on a second port, for TLS alone. A client may show a certificate of the same authority, and no other. */
  tls?: ServerCertificates
}

/** Server, command line and port mapper of Debian's package find each other through these and nothing of the machine's own node. */
async function nodeEnvironment(directory: string, port: number, secure: { port: number, tls: ServerCertificates } | undefined): Promise<NodeJS.ProcessEnv> {
  const [distributionPort, mapperPort] = [await freePort(), await freePort()]
  writeFileSync(join(directory, 'plugins'), '[].')
  writeFileSync(join(directory, 'environment'), '')
  writeFileSync(join(directory, 'rabbitmq.conf'), [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    `default_user = ${user}`,
    `default_pass = ${password}`,
    // The tests fill the machine's memory as little as its disk.
    'vm_memory_high_watermark.absolute = 2GB',
    'disk_free_limit.absolute = 50MB',
    'log.console.level = info',
    ...secure
      ? [
          `listeners.ssl.1 = 127.0.0.1:${secure.port}`,
          `ssl_options.cacertfile = ${secure.tls.caFile}`,
          `ssl_options.certfile = ${secure.tls.certificateFile}`,
          `ssl_options.keyfile = ${secure.tls.keyFile}`,
          'ssl_options.verify = verify_peer',
          'ssl_options.fail_if_no_peer_cert = false',
        ]
      : [],
    '',
  ].join('\n'))
  return {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    // The Erlang cookie is made here.
    HOME: directory,
    ERL_EPMD_PORT: String(mapperPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `rabbit-${port}@localhost`,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_CONF_ENV_FILE: join(directory, 'environment'),
    RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, 'advanced.config'),
    RABBITMQ_MNESIA_BASE: join(directory, 'data'),
    RABBITMQ_LOG_BASE: join(directory, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_PID_FILE: join(directory, 'pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'plugins'),
    RABBITMQ_FEATURE_FLAGS_FILE: join(directory, 'feature-flags'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(directory, 'config'),
    // Makes the script become the Erlang machine instead of standing in front of it, so that signals reach it.
    RUNNING_UNDER_SYSTEMD: 'true',
  }
}

/**
 * Starts RabbitMQ in a temporary folder and waits until it accepts connections, which takes about 5 s.
 * @throws Error with the server's last log lines when it does not start
 */
export async function startRabbit({ tls }: StartRabbitOptions = {}): Promise<RabbitServer> {
  const host = '127.0.0.1'
  const port = await freePort()
  const directory = createTemporaryDirectory('rabbitmq')
  for (const folder of ['data', 'log', 'config']) mkdirSync(join(directory.path, folder))
  const secure = tls && { port: await freePort(), tls }
  const env = await nodeEnvironment(directory.path, port, secure)
  const clients = new Set<ChannelModel>()
  let stopped = false
  let mapper: ManagedProcess | undefined
  let server: ManagedProcess

  const start = () => startProcess({
    command: requireBinary('rabbitmq-server'),
    name: `rabbitmq-server on port ${port}`,
    env,
    ready: { line: /Server startup complete/ },
    readyTimeout: 60_000,
    outputLines: 2000,
  })
  const control = async (...args: string[]) => (await run(requireBinary('rabbitmqctl'), args, { env, timeout: commandTimeout })).stdout
  const url = (at = port) => `amqp://${user}:${password}@${host}:${at}`

  async function client(): Promise<ChannelModel> {
    const model = await connect(url())
    clients.add(model)
    // It is part of the tests that the server goes away.
    model.on('error', () => {})
    model.on('close', () => clients.delete(model))
    return model
  }

  async function onChannel<Result>(work: (channel: Channel) => Promise<Result>): Promise<Result> {
    const model = await client()
    try {
      const channel = await model.createChannel()
      channel.on('error', () => {})
      return await work(channel)
    }
    finally {
      await model.close().catch(() => {})
    }
  }

  try {
    // A server would start one that outlives it.
    mapper = await startProcess({ command: requireBinary('epmd'), env, ready: { port: Number(env.ERL_EPMD_PORT) } })
    server = await start()
  }
  catch (error) {
    await mapper?.kill()
    directory.remove()
    throw error
  }

  return {
    host,
    port,
    url,
    secureUrl: (name = host) => {
      if (!secure) throw new Error(`The rabbitmq-server on port ${port} has no certificates: start it with tls.`)
      return `amqps://${user}:${password}@${name}:${secure.port}`
    },
    password,
    get pid() {
      return server.pid
    },
    get running() {
      return server.running
    },
    client,
    onChannel,
    count: queue => onChannel(async channel => (await channel.checkQueue(queue)).messageCount),
    drain: queue => onChannel(channel => drainQueue(channel, queue)),
    control,
    memoryAlarm: async (on) => {
      await control('set_vm_memory_high_watermark', ...(on ? ['0'] : ['absolute', '2GB']))
    },
    closeConnections: async () => {
      await control('close_all_connections', 'by the test')
    },
    output: () => server.output(),
    kill: async () => {
      await server.kill()
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    restart: async () => {
      if (stopped) {
        throw new Error(`The rabbitmq-server on port ${port} was stopped for good: use kill() before restart().`)
      }
      await server.kill()
      server = await start()
    },
    stop: async () => {
      stopped = true
      await server.kill()
      await mapper.kill()
      directory.remove()
    },
  }
}
