import { AsyncLocalStorage } from 'node:async_hooks'
import { Cluster as DefaultCluster, Redis as DefaultRedis } from 'ioredis'
import type { Cluster, Redis } from 'ioredis'
import { withDeadline } from '../deadline'
import type { Breaker } from './breaker'
import { createBreaker } from './breaker'
import type { RedisLibrary } from './client'
import { CONNECT_TIMEOUT, createClient, createSubscriber } from './client'
import { describeRedis } from './describe'
import { RedisTimeoutError, RedisUnavailableError, connectionFault } from './errors'
import type { RedisSettings } from './settings'
import type { RedisClient, RedisConnection } from './types'

/** Where the connection writes one line when Redis is lost and one when it is back. */
export interface RedisLog {
  info: (message: string) => void
  warn: (message: string) => void
}

/** What a connection needs besides its settings. */
export interface RedisConnectionContext {
  log: RedisLog
  /** The constructors to use. @default those of the installed `ioredis` */
  ioredis?: RedisLibrary
}

/** Milliseconds that the first calls may hope for a first connection before Redis counts as down. */
const FIRST_CONNECT_LIMIT = CONNECT_TIMEOUT + 500
/** Milliseconds for the reply to one background ping. */
const PING_TIMEOUT = 250
/** Background pings without an answer after which a socket is replaced. */
const STRIKES = 2
/** Milliseconds for a polite goodbye, and the same again for the sockets to be gone. */
const QUIT_TIMEOUT = 300

/**
 * Opens the connection that all rooms share.
 *
 * Call it outside any request: sockets and timers keep the async context they were created in, so a connection
 * made inside a request would carry that request's tenant for as long as it lives.
 *
 * It never throws because Redis is down. The first calls wait for the first connection, each within its own
 * budget; from then on a lost or silent Redis is noticed by the breaker, and calls fail at once until a background
 * probe gets an answer.
 */
export function createRedisConnection(settings: RedisSettings, context: RedisConnectionContext): RedisConnection {
  return new SharedConnection(settings, context)
}

class SharedConnection implements RedisConnection {
  readonly client: RedisClient
  readonly isCluster: boolean
  readonly prefix: string
  readonly database: number
  readonly commandTimeout: number

  private readonly settings: RedisSettings
  private readonly log: RedisLog
  private readonly library: RedisLibrary
  private readonly breaker: Breaker
  private readonly listeners = new Set<(available: boolean) => void>()
  private readonly subscribers = new Set<Redis>()
  /** Unanswered pings in a row of each socket, or of a client that does not get ready. */
  private readonly strikes = new WeakMap<RedisClient, number>()
  /** Runs a function in the async context of the creation instead of a request's. */
  private readonly outside = AsyncLocalStorage.snapshot()
  /** Set until the first attempt to connect has ended, one way or the other. */
  private firstConnect: Promise<void> | undefined
  private endFirstConnect: () => void = () => {}
  private lastFault = ''
  /** A refused SELECT: ioredis goes on with database 0, which must never be written to by mistake. */
  private databaseFault: string | undefined
  /** A write was refused: the server has to prove that it is a master before it is used again. */
  private maybeReplica = false
  private closing: Promise<void> | undefined

  constructor(settings: RedisSettings, { log, ioredis }: RedisConnectionContext) {
    this.settings = settings
    this.log = log
    this.library = ioredis ?? { Redis: DefaultRedis, Cluster: DefaultCluster }
    this.isCluster = settings.kind === 'cluster'
    this.prefix = settings.prefix
    this.database = settings.kind === 'cluster' ? 0 : settings.database
    this.commandTimeout = settings.commandTimeout
    this.breaker = createBreaker({
      probe: () => this.probe(),
      probeTimeout: PING_TIMEOUT + 50,
      onChange: (available, reason) => this.announce(available, reason),
      clock: {
        setTimeout: (callback, milliseconds) => this.outside(setTimeout, callback, milliseconds),
        clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
        random: Math.random,
      },
    })
    this.client = createClient(settings, this.library)
    this.awaitFirstConnect()
    this.watchClient()
  }

  get available(): boolean {
    return this.breaker.available && !this.closing
  }

  run<T>(operation: (client: RedisClient) => Promise<T>, budget = this.commandTimeout): Promise<T> {
    if (!this.available) {
      return Promise.reject(this.unavailable())
    }
    return this.firstConnect ? this.runAfterConnect(operation, budget) : this.runNow(operation, budget, budget)
  }

  masters(): Redis[] {
    if (!isCluster(this.client)) {
      return [this.client]
    }
    const masters = this.client.nodes('master')
    const known = new Set(masters.map(({ options }) => `${options.host}:${options.port}`))
    const owners = new Set(slotOwners(this.client))
    if (owners.size === 0 || [...owners].some(owner => !known.has(owner))) {
      throw new RedisUnavailableError('not every master of the Cluster is connected')
    }
    // A connected node without slots is a former master or a new one: it holds no key.
    return masters.filter(({ options }) => owners.has(`${options.host}:${options.port}`))
  }

  openSubscriber(node?: Redis): Redis {
    if (this.closing) {
      throw this.unavailable()
    }
    const subscriber = this.outside(() => createSubscriber(this.settings, this.library, this.subscriberAddress(node)))
    this.subscribers.add(subscriber)
    // Without a listener ioredis prints every failed attempt.
    subscriber.on('error', () => {})
    subscriber.once('end', () => this.subscribers.delete(subscriber))
    return subscriber
  }

  onAvailability(listener: (available: boolean) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  close(): Promise<void> {
    this.closing ??= this.outside(() => this.closeEverything())
    return this.closing
  }

  private runAfterConnect<T>(operation: (client: RedisClient) => Promise<T>, budget: number): Promise<T> {
    const start = performance.now()
    return new Promise((resolve, reject) => {
      // Not a failure of the breaker: nothing was asked yet, the socket is only connecting.
      const timer = setTimeout(() => reject(new RedisTimeoutError(budget)), budget)
      this.firstConnect!.then(() => {
        clearTimeout(timer)
        const left = budget - (performance.now() - start)
        if (!this.available) {
          reject(this.unavailable())
        }
        else if (left > 0) {
          this.runNow(operation, left, budget).then(resolve, reject)
        }
      })
    })
  }

  /** One timer a call; the option `commandTimeout` of ioredis costs several times as much. */
  private runNow<T>(operation: (client: RedisClient) => Promise<T>, left: number, budget: number): Promise<T> {
    return new Promise((resolve, reject) => {
      let settled = false
      const expire = (): void => {
        if (!settled) {
          settled = true
          this.breaker.failed(`no answer within ${budget} ms`)
          reject(new RedisTimeoutError(budget))
        }
      }
      // After a stall of this process the answer may lie unread in the socket: read it before judging.
      const timer = setTimeout(() => settled || setImmediate(expire), left)
      const fail = (error: unknown): void => {
        // A rejection after the timeout ends here, so it is never an unhandled one.
        if (!settled) {
          settled = true
          clearTimeout(timer)
          reject(this.judge(error))
        }
      }
      try {
        operation(this.client).then((value) => {
          if (!settled) {
            settled = true
            clearTimeout(timer)
            this.breaker.succeeded()
            resolve(value)
          }
        }, fail)
      }
      catch (error) {
        fail(error)
      }
    })
  }

  /** Feeds the breaker with a failed call and returns what the caller gets. */
  private judge(error: unknown): unknown {
    const fault = connectionFault(error)
    if (!fault) {
      if (error instanceof Error && error.name === 'ReplyError') {
        // An error reply is an answer.
        this.breaker.succeeded()
      }
      return error
    }
    const demoted = fault.startsWith('READONLY')
    this.maybeReplica ||= demoted
    if (this.client.status === 'ready' && !demoted) {
      this.breaker.failed(fault)
    }
    else {
      this.breaker.trip(fault)
    }
    return new RedisUnavailableError(fault)
  }

  private unavailable(): RedisUnavailableError {
    return new RedisUnavailableError(this.closing ? 'the connection is closed' : this.breaker.reason)
  }

  private announce(available: boolean, reason: string): void {
    this.outside(() => {
      const address = describeRedis(this.settings)
      if (available) {
        this.log.info(`Redis at ${address} is available again.`)
      }
      else {
        this.log.warn(`Redis at ${address} is not available: ${reason}`)
      }
      for (const listener of [...this.listeners]) {
        try {
          listener(available)
        }
        catch (error) {
          this.log.warn(`A listener for the availability of Redis failed: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
    })
  }

  private awaitFirstConnect(): void {
    this.firstConnect = new Promise<void>((resolve) => {
      const limit = setTimeout(() => this.lose(`no connection within ${FIRST_CONNECT_LIMIT} ms`), FIRST_CONNECT_LIMIT)
      this.endFirstConnect = () => {
        clearTimeout(limit)
        this.firstConnect = undefined
        this.endFirstConnect = () => {}
        resolve()
      }
    })
  }

  private watchClient(): void {
    const client = this.client as Redis
    client.on('connecting', () => {
      this.databaseFault = undefined
    })
    client.on('error', (error: Error) => {
      this.lastFault = error.message
      if (/^ERR (?:DB index|invalid DB|SELECT is not allowed)/i.test(error.message)) {
        this.databaseFault = error.message
      }
      // Sentinel has no other event for a round of unreachable Sentinels.
      if (client.status !== 'ready' || this.databaseFault) {
        this.lose(this.lastFault)
      }
    })
    client.on('close', () => this.lose(this.lastFault || 'the connection was closed'))
    client.on('end', () => this.lose(this.lastFault || 'the connection was closed'))
    client.on('ready', () => {
      if (!this.databaseFault) {
        this.lastFault = ''
        this.endFirstConnect()
        this.breaker.probeNow()
      }
    })
    if (isCluster(this.client)) {
      this.watchNodes(this.client)
    }
  }

  private watchNodes(cluster: Cluster): void {
    const connect = (node: Redis): void => {
      // Lazy nodes would connect within the first request that needs them, and keep its context.
      if (node.status === 'wait' && !node.options.readOnly) {
        this.outside(() => node.connect().catch(() => {}))
      }
    }
    cluster.on('ready', () => cluster.nodes('master').forEach(connect))
    cluster.on('+node', (node: Redis) => {
      node.on('ready', () => this.breaker.probeNow())
      if (cluster.status === 'ready') {
        connect(node)
      }
    })
    cluster.on('node error', (error: Error) => {
      this.lastFault = error.message
      if (cluster.status === 'ready' && !cluster.nodes('master').some(isUsable)) {
        this.lose(this.lastFault)
      }
    })
  }

  private lose(reason: string): void {
    if (!this.closing) {
      this.breaker.trip(reason)
    }
    this.endFirstConnect()
  }

  /** Resolves when every master answers. Heals what ioredis leaves stuck. */
  private async probe(): Promise<void> {
    if (this.databaseFault) {
      throw new Error(this.databaseFault)
    }
    if (this.client.status !== 'ready') {
      this.strike(this.client)
      throw new Error(`the client is ${this.client.status}`)
    }
    const nodes = isCluster(this.client) ? this.client.nodes('master') : [this.client]
    const answers = await Promise.all(nodes.map(node => this.isAlive(node)))
    if (answers.length === 0 || answers.includes(false)) {
      throw new Error('a server does not answer')
    }
    this.strikes.delete(this.client)
  }

  private async isAlive(node: Redis): Promise<boolean> {
    if (node.status === 'ready' || node.status === 'connect' || node.status === 'wait') {
      const alive = await withDeadline(this.isServing(node), PING_TIMEOUT, () => new RedisTimeoutError(PING_TIMEOUT)).catch(() => undefined)
      if (alive === undefined) {
        this.strike(node)
      }
      else {
        this.strikes.delete(node)
      }
      return alive ?? false
    }
    return false
  }

  /** More than a ping, which servers answer that refuse everything else. */
  private async isServing(node: Redis): Promise<boolean> {
    if (this.isCluster) {
      return String(await node.cluster('INFO')).includes('cluster_state:ok')
    }
    await node.ping()
    if (this.maybeReplica) {
      const [role] = await node.role() as unknown[]
      this.maybeReplica = role === 'slave'
    }
    return !this.maybeReplica
  }

  /** Counts an unanswered probe and, at the second in a row, replaces the socket that gave no answer. */
  private strike(client: RedisClient): void {
    const strikes = (this.strikes.get(client) ?? 0) + 1
    this.strikes.set(client, strikes)
    if (strikes < STRIKES || this.closing) {
      return
    }
    if (client.status === 'ready' || client.status === 'connect') {
      // A half-open socket: nothing but a new one brings it back, and its queue must not grow.
      this.strikes.delete(client)
      client.disconnect(true)
    }
    else if (client.status === 'end' || (client.status === 'disconnecting' && strikes > 2 * STRIKES)) {
      // ioredis gave up: a Sentinel look-up that was cut, or a Cluster without a node left.
      this.strikes.delete(client)
      client.connect().catch(() => {})
    }
  }

  private subscriberAddress(node: Redis | undefined): { host: string, port: number } | undefined {
    if (this.settings.kind !== 'cluster') {
      return undefined
    }
    const options = (node ?? (this.client as Cluster).nodes('master')[0])?.options
    return options?.host && options.port ? { host: options.host, port: options.port } : this.settings.nodes[0]!
  }

  private async closeEverything(): Promise<void> {
    this.breaker.close()
    this.endFirstConnect()
    this.listeners.clear()
    // Calls of this turn are still on their way into an automatic pipeline: let them go out before the goodbye.
    await new Promise(resolve => setImmediate(resolve))
    const clients = [this.client, ...this.subscribers]
    await Promise.all(clients.map(closeClient))
    this.subscribers.clear()
  }
}

async function closeClient(client: RedisClient): Promise<void> {
  if (client.status === 'end') {
    return
  }
  const parts = isCluster(client) ? [client, ...client.nodes()] : [client]
  const ended = Promise.all(parts.map(untilEnd))
  const left = client.status === 'ready'
    && await withDeadline(client.quit().then(() => ended), QUIT_TIMEOUT, () => new RedisTimeoutError(QUIT_TIMEOUT)).then(() => true, () => false)
  if (!left) {
    client.disconnect()
    await withDeadline(ended, QUIT_TIMEOUT, () => new RedisTimeoutError(QUIT_TIMEOUT)).catch(() => {})
  }
}

function untilEnd(client: RedisClient): Promise<void> {
  return new Promise((resolve) => {
    if (client.status === 'end') {
      resolve()
    }
    else {
      client.once('end', resolve)
    }
  })
}

/** By its mark and not by its class: ioredis 5 and 6 can be in one process. */
function isCluster(client: RedisClient): client is Cluster {
  return (client as { isCluster?: boolean }).isCluster === true
}

function isUsable(node: Redis): boolean {
  return node.status === 'ready' || node.status === 'wait'
}

/** Addresses of the masters in the slot table. */
function slotOwners(cluster: Cluster): string[] {
  const owners: string[] = []
  let last: string | undefined
  for (const slot of cluster.slots) {
    const owner = slot?.[0]
    if (owner !== undefined && owner !== last) {
      owners.push(owner)
      last = owner
    }
  }
  return owners
}
