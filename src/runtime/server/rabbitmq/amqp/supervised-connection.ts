import type { ChannelModel, SocketOptions } from 'amqplib'
import { connect, credentials } from 'amqplib'
import { withDeadline } from '../../core/deadline'
import type { TlsSettings } from '../../core/tls'
import type { AdminChannel } from './channel'
import { createAdminChannel } from './channel'
import type { Backoff } from '../../core/backoff'
import { createBackoff } from '../../core/backoff'
import type { Clock } from '../../core/clock'
import type { Fault } from '../fault'
import { faultOf } from '../fault'
import type { BrokerHost } from './broker-host'
import type { ServerVersion } from './queue-arguments'
import { parseVersion } from './queue-arguments'

/** One open connection, until it is lost. */
export interface OpenConnection {
  readonly model: ChannelModel
  /** Number of this connection, counted from 1. */
  readonly generation: number
  readonly version: ServerVersion
  /** Channel for declarations and queries. */
  readonly admin: AdminChannel
  /** Reason why the connection can no longer be used; undefined while it can. */
  readonly fault: Fault | undefined
  /** Drops the connection because it does not work correctly, so that a new one is opened. */
  abandon: (reason: string) => void
}

/** A connection that reconnects whenever it is lost. */
export interface SupervisedConnection {
  /** The connection that is open and set up; undefined if there is none. */
  readonly current: OpenConnection | undefined
  /** Starts connecting. Idempotent. */
  start: () => void
  /** Closes the connection within `timeout` ms: with the closing handshake of AMQP if the broker answers, else by closing the socket. */
  close: (timeout: number) => Promise<void>
}

/** Options of {@link createSupervisedConnection}. */
export interface SupervisedConnectionOptions {
  /** Name of the connection in the management UI of RabbitMQ. */
  name: string
  /** Hosts, which are tried in turn. */
  hosts: readonly BrokerHost[]
  /** TLS options for hosts with `amqps://`. */
  tls?: TlsSettings
  /** Maximum milliseconds of an attempt to connect. */
  connectTimeout: number
  /** Maximum milliseconds until the broker answers an operation. */
  operationTimeout: number
  /** Longest pause in milliseconds between two attempts to connect. */
  maxBackoff: number
  clock: Clock
  /** Prepares a connection before it is used. If it fails, the connection is dropped. */
  setUp: (connection: OpenConnection) => Promise<void>
  onOpen: (connection: OpenConnection, host: string) => void
  /** Called when the connection was lost or an attempt to connect failed. */
  onLost: (fault: Fault, host: string) => void
  onBlocked: (blocked: boolean, reason: string) => void
}

/** Upper bound in ms of the first pause between two attempts to connect. */
const FIRST_PAUSE = 100
/**
 * Milliseconds after which a connection counts as stable. Until then its loss does not reset the backoff, so repeated losses slow
 * the reconnects down.
 */
const STABLE = 5000

/** Creates a supervised connection. It connects after `start()`. */
export function createSupervisedConnection(options: SupervisedConnectionOptions): SupervisedConnection {
  return new ReconnectingConnection(options)
}

class ReconnectingConnection implements SupervisedConnection {
  current: OpenConnection | undefined
  readonly #options: SupervisedConnectionOptions
  readonly #backoff: Backoff
  /** Aborted when the connection is closed for good. */
  readonly #ending = new AbortController()
  #running: Promise<void> | undefined
  #generation = 0
  #closing = false

  constructor(options: SupervisedConnectionOptions) {
    this.#options = options
    this.#backoff = createBackoff({
      first: FIRST_PAUSE,
      longest: options.maxBackoff,
      triesPerStep: options.hosts.length,
      clock: options.clock,
    })
  }

  start(): void {
    if (!this.#closing) this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    const { hosts, clock, onLost } = this.#options
    // Start with a random host, so that instances spread over all hosts.
    let turn = Math.floor(clock.random() * hosts.length)
    while (!this.#closing) {
      const host = hosts[turn++ % hosts.length]!
      const fault = await this.#attempt(host)
      if (this.#closing) return
      onLost(fault, host.label)
      await this.#pause(this.#backoff.next())
    }
  }

  /** Connects to a host. Returns when the attempt has failed or the connection was lost again. */
  async #attempt(host: BrokerHost): Promise<Fault> {
    const socket = new AbortController()
    const abort = () => socket.abort()
    this.#ending.signal.addEventListener('abort', abort)
    const watched: Watched = { fault: undefined, lost: Promise.withResolvers() }
    try {
      const opened = this.#describe(await this.#openWatched(host, watched, socket), watched, abort)
      await this.#options.setUp(opened)
      if (!opened.fault && !this.#closing) await this.#use(opened, host, watched.lost.promise)
      return opened.fault ?? faultOf(undefined)
    }
    catch (error) {
      return watched.fault ?? faultOf(error)
    }
    finally {
      // If the peer does not answer, amqplib leaves the socket half open. Aborting destroys it.
      abort()
      this.#ending.signal.removeEventListener('abort', abort)
    }
  }

  /** Opens the connection within the timeout, and records in `watched` what happens to it. */
  #openWatched(host: BrokerHost, watched: Watched, socket: AbortController): Promise<ChannelModel> {
    const { connectTimeout, onBlocked } = this.#options
    // Add the listeners immediately: an `error` event without a listener would crash the process.
    const opening = openModel(host, this.#options, socket.signal).then(model => watchConnection(model, watched, onBlocked))
    return withDeadline(opening, connectTimeout, () => {
      socket.abort()
      return new Error(`no connection within ${connectTimeout} ms`)
    })
  }

  #describe(model: ChannelModel, watched: Watched, abort: () => void): OpenConnection {
    return {
      model,
      generation: ++this.#generation,
      version: parseVersion(model.connection.serverProperties.version),
      admin: createAdminChannel(model, this.#options.operationTimeout),
      get fault() {
        return watched.fault
      },
      abandon(reason: string) {
        watched.fault ??= { text: reason }
        abort()
      },
    }
  }

  async #use(opened: OpenConnection, host: BrokerHost, lost: Promise<undefined>): Promise<void> {
    const { clock, onOpen } = this.#options
    const since = clock.now()
    this.current = opened
    onOpen(opened, host.label)
    await lost
    this.current = undefined
    if (clock.now() - since >= STABLE) this.#backoff.reset()
  }

  #pause(milliseconds: number): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#ending
    return new Promise((resolve) => {
      const over = () => {
        clock.clearTimeout(timer)
        signal.removeEventListener('abort', over)
        resolve()
      }
      const timer = clock.setTimeout(over, milliseconds)
      signal.addEventListener('abort', over)
    })
  }

  async close(timeout: number): Promise<void> {
    this.#closing = true
    const model = this.current?.model
    if (model) {
      // A blocked or hanging broker does not answer, so the wait is limited.
      await withDeadline((async () => model.close())(), timeout, () => new Error('no answer')).catch(() => {})
    }
    this.#ending.abort()
    await this.#running
  }
}

/**
 * Opens one connection without reconnecting. User and password are passed separately from the address, so that no error about the
 * address can contain them.
 *
 * @param signal destroys the socket when it is aborted
 */
export async function openModel(
  { address, user, password }: BrokerHost,
  { name, tls }: Pick<SupervisedConnectionOptions, 'name' | 'tls'>,
  signal: AbortSignal,
): Promise<ChannelModel> {
  // amqplib passes `signal` on to the socket of Node, but its types do not include it.
  const socket: SocketOptions & { signal: AbortSignal } = {
    ...tls,
    signal,
    // Nagle's algorithm would delay a message of several frames: 4 KB would take 50 ms instead of 1 ms.
    noDelay: true,
    keepAlive: true,
    credentials: credentials.plain(user, password),
    clientProperties: { connection_name: name },
  }
  return connect(address, socket)
}

/** State of a connection as reported by its events. */
interface Watched {
  fault: Fault | undefined
  lost: PromiseWithResolvers<undefined>
}

function watchConnection(model: ChannelModel, watched: Watched, onBlocked: SupervisedConnectionOptions['onBlocked']): ChannelModel {
  // amqplib emits this before the `close` events of the channels, whose listeners read the fault.
  model.on('error', error => watched.fault ??= faultOf(error))
  model.on('blocked', reason => onBlocked(true, reason))
  model.on('unblocked', () => onBlocked(false, ''))
  model.once('close', (error?: Error) => {
    watched.fault ??= faultOf(error)
    watched.lost.resolve(undefined)
  })
  return model
}
