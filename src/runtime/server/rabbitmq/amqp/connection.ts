import { Writable } from 'node:stream'
import type { ChannelModel, SocketOptions } from 'amqplib'
import { connect, credentials } from 'amqplib'
import { withDeadline } from '../../deadline'
import type { TlsSettings } from '../../core/tls'
import type { AdminChannel } from './admin-channel'
import { createAdminChannel } from './admin-channel'
import { createBackoff } from './backoff'
import { batchWrites } from './batch-writes'
import type { BrokerClock } from './clock'
import type { Fault } from './faults'
import { faultOf } from './faults'
import type { BrokerHost } from './host'
import type { ServerVersion } from './version'
import { parseVersion } from './version'

/** One connection, from when it is open until it is lost. */
export interface OpenConnection {
  readonly model: ChannelModel
  /** Counts the connections from 1. */
  readonly generation: number
  readonly version: ServerVersion
  /** For declarations and questions. */
  readonly admin: AdminChannel
  /** Why it is of no use any more; undefined as long as it is. */
  readonly fault: Fault | undefined
  /** Gives it up, so that another one is opened: it does not do what it should. */
  abandon: (reason: string) => void
}

/** A connection that is opened anew whenever it is lost. */
export interface SupervisedConnection {
  /** The connection that is open and set up now. */
  readonly current: OpenConnection | undefined
  /** Begins to connect. Idempotent. */
  start: () => void
  /** Ends it within `timeout` ms, politely if the broker answers. */
  close: (timeout: number) => Promise<void>
}

/** What a supervised connection is made of. */
export interface ConnectionOptions {
  /** Shown in the management page of RabbitMQ. */
  name: string
  /** Taken in turn. */
  hosts: readonly BrokerHost[]
  /** For hosts of `amqps://`. */
  tls?: TlsSettings
  /** Milliseconds until an attempt is given up. */
  connectTimeout: number
  /** Milliseconds that the broker has to answer. */
  operationTimeout: number
  /** Milliseconds that no pause between two attempts is longer than. */
  maxBackoff: number
  clock: BrokerClock
  /** Prepares a connection before it is used. When it fails, the connection is given up. */
  setUp: (connection: OpenConnection) => Promise<void>
  onOpen: (connection: OpenConnection, host: string) => void
  /** It was lost, or an attempt failed. */
  onLost: (fault: Fault, host: string) => void
  onBlocked: (blocked: boolean, reason: string) => void
}

/** Milliseconds that the first pause is shorter than. */
const FIRST_PAUSE = 100
/** Milliseconds after which a connection counts as stable, so that one that is lost again and again is sought ever slower. */
const STABLE = 5000

/** Creates a connection that is closed until it is started. */
export function createConnection(options: ConnectionOptions): SupervisedConnection {
  const { hosts, clock } = options
  const backoff = createBackoff({ base: FIRST_PAUSE, cap: options.maxBackoff, triesPerStep: hosts.length, clock })
  /** Aborted when the connection is closed for good. */
  const ending = new AbortController()
  let running: Promise<void> | undefined
  let current: OpenConnection | undefined
  let generation = 0
  let closing = false

  async function run(): Promise<void> {
    // A fleet does not begin with one host.
    let turn = Math.floor(clock.random() * hosts.length)
    while (!closing) {
      const host = hosts[turn++ % hosts.length]!
      const fault = await attempt(host)
      if (closing) return
      options.onLost(fault, host.label)
      await pause(backoff.next())
    }
  }

  /** Connects, and returns when that failed or the connection is lost again. */
  async function attempt(host: BrokerHost): Promise<Fault> {
    const socket = new AbortController()
    const abort = () => socket.abort()
    ending.signal.addEventListener('abort', abort)
    const watched: Watched = { fault: undefined, lost: Promise.withResolvers() }
    try {
      // Listeners come with the model, before anything else can happen: an error without a listener would end the process.
      const opening = openModel(host, options, socket.signal).then(model => watch(model, watched, options.onBlocked))
      const model = await withDeadline(opening, options.connectTimeout, () => {
        abort()
        return new Error(`no connection within ${options.connectTimeout} ms`)
      })
      const opened = {
        model,
        generation: ++generation,
        version: parseVersion(model.connection.serverProperties.version),
        admin: createAdminChannel(model, options.operationTimeout),
        get fault() {
          return watched.fault
        },
        abandon(reason: string) {
          watched.fault ??= { text: reason }
          abort()
        },
      }
      await options.setUp(opened)
      if (!opened.fault && !closing) await use(opened, host, watched.lost.promise)
      return opened.fault ?? faultOf(undefined)
    }
    catch (error) {
      return watched.fault ?? faultOf(error)
    }
    finally {
      // amqplib leaves the socket of a silent peer half open.
      abort()
      ending.signal.removeEventListener('abort', abort)
    }
  }

  async function use(opened: OpenConnection, host: BrokerHost, lost: Promise<undefined>): Promise<void> {
    const since = clock.now()
    current = opened
    options.onOpen(opened, host.label)
    await lost
    current = undefined
    if (clock.now() - since >= STABLE) backoff.reset()
  }

  function pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const over = () => {
        clock.clearTimeout(timer)
        ending.signal.removeEventListener('abort', over)
        resolve()
      }
      const timer = clock.setTimeout(over, milliseconds)
      ending.signal.addEventListener('abort', over)
    })
  }

  return {
    get current() {
      return current
    },
    start() {
      if (!closing) running ??= run()
    },
    async close(timeout) {
      closing = true
      const model = current?.model
      if (model) {
        // A blocked or silent broker does not answer.
        await withDeadline((async () => model.close())(), timeout, () => new Error('no answer')).catch(() => {})
      }
      ending.abort()
      await running
    },
  }
}

/** Opens one connection, unsupervised; abort `signal` to give its socket up. The secret goes beside the address, so that no error of the address can hold it. */
export async function openModel({ address, user, password }: BrokerHost, { name, tls }: Pick<ConnectionOptions, 'name' | 'tls'>, signal: AbortSignal): Promise<ChannelModel> {
  // The signal is an option of every socket of Node, which amqplib hands on and does not name.
  const socket: SocketOptions & { signal: AbortSignal } = {
    ...tls,
    signal,
    // Otherwise a message of several frames waits for the acknowledgement of the first: 50 ms instead of 1 for 4 KB.
    noDelay: true,
    keepAlive: true,
    credentials: credentials.plain(user, password),
    clientProperties: { connection_name: name },
  }
  const model = await connect(address, socket)
  // amqplib hands out no socket; without one, messages leave one by one.
  const { stream } = model.connection as { stream?: unknown }
  if (stream instanceof Writable) batchWrites(stream)
  return model
}

/** What the events of a connection have said so far. */
interface Watched {
  fault: Fault | undefined
  lost: PromiseWithResolvers<undefined>
}

function watch(model: ChannelModel, watched: Watched, onBlocked: ConnectionOptions['onBlocked']): ChannelModel {
  // It comes before the channels are told that they are closed, so that they can ask for the reason.
  model.on('error', error => watched.fault ??= faultOf(error))
  model.on('blocked', reason => onBlocked(true, reason))
  model.on('unblocked', () => onBlocked(false, ''))
  model.once('close', (error?: Error) => {
    watched.fault ??= faultOf(error)
    watched.lost.resolve(undefined)
  })
  return model
}
