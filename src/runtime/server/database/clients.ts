import { detached } from '../core/detached'
import { instrument } from '../core/instruments'
import { databaseChannel } from '../core/tracing-channels'
import type { Timers } from '../core/clock'
import { idleClock } from '../core/clock'
import type { ClientEntry } from './entry'
import { createEntry, earliest, clientKey } from './entry'
import { DatabaseBusyError, DatabaseClosedError } from './errors'
import type { ClientMaker } from './maker'
import { createMaker } from './maker'
import type { AdmissionQueue } from './queue'
import { createAdmissionQueue } from './queue'
import { describeUrl } from './redact'
import type { ClientRegistry, ClientRegistryOptions, DatabaseGauges, DatabaseLease } from './registry'
import type { DatabasePool, DatabaseSpec } from './types'

const waits = instrument('db.client.connection.wait_time')
const timeouts = instrument('db.client.connection.timeouts')
const evictions = instrument('scale.tenant.evictions')

/** Name of the pool in metrics. All clients share one budget of connections. */
const POOL = 'clients'

/** Group of the clients that are not pinned. Their names are ids of tenants. */
const TENANTS = 'tenants'

/** Default of `drainTimeout` and `disconnectTimeout`, in milliseconds. */
const DEFAULT_DEADLINE = 5000

/**
 * Creates an empty registry of database clients.
 *
 * Each client reserves `pool.max` connections before it is created, and frees them after its disconnect has settled. So all pools
 * together never open more than `maxConnections`. A hanging disconnect keeps its connections reserved, because they may still be open
 * on the database server. It is logged, and counted in the gauge `stuck`.
 */
export function createClientRegistry<Client>(options: ClientRegistryOptions<Client>): ClientRegistry<Client> {
  return new Clients(options)
}

/** Connections and timers outlive the request that created them, so `detached` keeps them from holding its context in memory. */
class Clients<Client> implements ClientRegistry<Client> {
  readonly #pool: DatabasePool
  readonly #maxClients: number
  readonly #maxConnections: number
  readonly #idleTimeout: number
  readonly #drainTimeout: number
  readonly #disconnectTimeout: number
  readonly #clock: Timers
  /** Largest number of clients. */
  readonly #capacity: number
  readonly #entries = new Map<string, ClientEntry<Client>>()
  readonly #leaving = new Set<ClientEntry<Client>>()
  readonly #queue: AdmissionQueue<ClientEntry<Client>>
  readonly #maker: ClientMaker<Client>
  #closing: Promise<void> | undefined
  #drained: (() => void) | undefined
  #pumping = false

  constructor(options: ClientRegistryOptions<Client>) {
    const { pool, maxClients, maxConnections, idleTimeout, clock = idleClock } = options
    this.#pool = pool
    this.#maxClients = maxClients
    this.#maxConnections = maxConnections
    this.#idleTimeout = idleTimeout
    this.#drainTimeout = options.drainTimeout ?? DEFAULT_DEADLINE
    this.#disconnectTimeout = options.disconnectTimeout ?? DEFAULT_DEADLINE
    this.#clock = clock
    this.#capacity = Math.min(maxClients, Math.floor(maxConnections / pool.max))
    this.#queue = createAdmissionQueue<ClientEntry<Client>>({
      timeout: pool.acquireTimeout, expired: spec => this.#busy(spec), overdue: () => this.#makeBusyClientLeave(), clock,
    })
    this.#maker = createMaker(options, {
      opened: entry => this.#opened(entry), failed: entry => this.#failed(entry), ended: entry => this.#forget(entry),
    })
  }

  lease(spec: DatabaseSpec): Promise<DatabaseLease<Client>> {
    if (!databaseChannel.hasSubscribers) return this.#lease(spec)
    const group = this.#entries.get(clientKey(spec))?.pinned ? spec.name : TENANTS
    return databaseChannel.tracePromise(() => this.#lease(spec), { operation: 'lease', group })
  }

  async #lease(spec: DatabaseSpec): Promise<DatabaseLease<Client>> {
    if (this.#closing) throw new DatabaseClosedError(labelOf(spec))
    const deadline = this.#clock.now() + this.#pool.acquireTimeout
    let entry = this.#entries.get(clientKey(spec))
    // There is never free space while other callers wait, so this caller does not overtake them.
    if (!entry && this.#used() < this.#capacity) entry = this.#add(spec)
    if (!entry) {
      const admitted = detached(() => this.#queue.wait(clientKey(spec), spec))
      this.#pump()
      const started = this.#clock.now()
      const { place, deadline: until } = await admitted.catch((error: unknown) => {
        if (error instanceof DatabaseBusyError) timeouts.record(1, POOL)
        throw error
      })
      waits.record((this.#clock.now() - started) / 1000, POOL)
      return this.#take(place, until)
    }
    waits.record(0, POOL)
    this.#clock.clearTimeout(entry.idleTimer)
    entry.leases++
    if (entry.state === 'reserved') this.#make(entry)
    return this.#take(entry, deadline)
  }

  pin(spec: DatabaseSpec): void {
    if (this.#entries.has(clientKey(spec))) return
    if (this.#used() >= this.#capacity) {
      throw new Error(`scale.database has no connections left for ${labelOf(spec)}:`
        + ` raise maxConnections (${this.#maxConnections}) to pool.max (${this.#pool.max}) times the number of named databases,`
        + ` replicas and concurrent tenants, and maxClients (${this.#maxClients}) to that number.`)
    }
    this.#add(spec, true)
  }

  leaseNow(spec: DatabaseSpec): DatabaseLease<Client> {
    if (this.#closing) throw new DatabaseClosedError(labelOf(spec))
    const entry = this.#entries.get(clientKey(spec))
    if (!entry?.pinned) {
      throw new Error(`The client of ${labelOf(spec)} is not available synchronously: use await getTenantPrismaClient() for it.`)
    }
    if (entry.state === 'reserved') this.#make(entry)
    if (entry.state !== 'open') throw this.#maker.notReady(entry)
    entry.leases++
    return { client: entry.handle!.client, label: entry.label, release: once(() => this.#giveBack(entry)) }
  }

  gauges(): DatabaseGauges {
    const all = [...this.#entries.values(), ...this.#leaving]
    return {
      clients: all.filter(({ state }) => state !== 'reserved').length,
      reserved: this.#used() * this.#pool.max,
      waiting: this.#queue.waiting,
      leases: all.reduce((sum, { leases }) => sum + leases, 0),
      stuck: this.#maker.stuck,
    }
  }

  close(left = Infinity): Promise<void> {
    return this.#closing ??= this.#drain(left)
  }

  #used(): number {
    return this.#entries.size + this.#leaving.size
  }

  #busy(spec: DatabaseSpec): Error {
    const message = `No database connection became free for ${labelOf(spec)} within ${this.#pool.acquireTimeout} ms:`
      + ' try again later, or raise scale.database.maxConnections.'
    return new DatabaseBusyError(message, this.#pool.acquireTimeout)
  }

  #add(spec: DatabaseSpec, pinned = false): ClientEntry<Client> {
    const entry = createEntry<Client>(spec, labelOf(spec), pinned)
    this.#entries.set(entry.key, entry)
    return entry
  }

  #make(entry: ClientEntry<Client>): void {
    entry.openedAt = this.#clock.now()
    detached(() => this.#maker.make(entry))
  }

  #opened(entry: ClientEntry<Client>): void {
    if (entry.leases === 0) this.#rest(entry)
  }

  #failed(entry: ClientEntry<Client>): void {
    // A pinned entry stays reserved, and the next call tries the factory again.
    if (!entry.pinned || entry.leaving) this.#forget(entry)
  }

  #forget(entry: ClientEntry<Client>): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key)
    this.#leaving.delete(entry)
    this.#pump()
    if (this.#used() === 0) this.#drained?.()
  }

  /** Completes a lease that is already counted in `entry.leases`. Waits for the factory until `deadline`. */
  async #take(entry: ClientEntry<Client>, deadline: number): Promise<DatabaseLease<Client>> {
    const release = once(() => this.#giveBack(entry))
    try {
      if (entry.ready) await this.#beforeDeadline(entry, entry.ready, deadline)
      // The client may have been closed during the wait, because the server shuts down.
      if (entry.state !== 'open') throw new DatabaseClosedError(entry.label)
      return { client: entry.handle!.client, label: entry.label, release }
    }
    catch (error) {
      release()
      throw error
    }
  }

  #beforeDeadline(entry: ClientEntry<Client>, ready: Promise<void>, deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = detached(() => this.#clock.setTimeout(() => {
        // The next caller tries the factory again. This entry keeps its connections reserved until its factory has settled.
        if (!entry.pinned && entry.state === 'making') this.#leave(entry)
        const { acquireTimeout } = this.#pool
        const message = `server/scale.database.ts created no client for ${entry.label} within ${acquireTimeout} ms: try again later.`
        reject(new DatabaseBusyError(message, acquireTimeout))
      }, Math.max(0, deadline - this.#clock.now())))
      ready.then(resolve, reject).finally(() => this.#clock.clearTimeout(timer))
    })
  }

  #giveBack(entry: ClientEntry<Client>): void {
    entry.leases--
    entry.usedAt = this.#clock.now()
    if (entry.leases === 0 && entry.state === 'open') this.#rest(entry)
  }

  /** Handles a client without leases: closes it if a caller needs the space, or keeps it open for `idleTimeout`. */
  #rest(entry: ClientEntry<Client>): void {
    if (entry.leaving) return this.#maker.end(entry)
    if (entry.pinned) return
    entry.usedAt = this.#clock.now()
    this.#pump()
    if (!entry.leaving) entry.idleTimer = detached(() => this.#clock.setTimeout(() => this.#leaveIdle(entry), this.#idleTimeout))
  }

  #leaveIdle(entry: ClientEntry<Client>): void {
    evictions.record(1, 'idle')
    this.#leave(entry)
  }

  /** Stops new leases of a client, and closes the client as soon as it has no leases. */
  #leave(entry: ClientEntry<Client>): void {
    this.#clock.clearTimeout(entry.idleTimer)
    entry.leaving = true
    this.#entries.delete(entry.key)
    this.#leaving.add(entry)
    if (entry.state === 'reserved') this.#forget(entry)
    else if (entry.state === 'open' && entry.leases === 0) detached(() => this.#maker.end(entry))
  }

  /** Admits waiting callers while there is space, and closes idle clients to make space for the others. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    while (this.#used() < this.#capacity) {
      const group = this.#queue.shift()
      if (!group) break
      const entry = this.#add(group.spec)
      // The leases are counted before the factory runs, so that the client does not look idle.
      entry.leases = group.count
      this.#make(entry)
      group.admit(entry)
    }
    while (this.#leaving.size < this.#queue.wanted) {
      const idle = earliest(this.#entries.values(), 'usedAt', entry => entry.leases === 0 && entry.state === 'open')
      if (!idle) break
      evictions.record(1, 'lru')
      this.#leave(idle)
    }
    this.#pumping = false
    // A factory that failed synchronously has freed its place meanwhile.
    if (this.#queue.wanted > 0 && this.#used() < this.#capacity) this.#pump()
  }

  /**
   * Makes space when all clients are busy. Clients under steady load are never idle, so callers of other databases would wait forever.
   * When a caller has waited a quarter of the acquire timeout, the oldest client stops new leases: its next callers have to queue.
   */
  #makeBusyClientLeave(): void {
    if (this.#leaving.size >= this.#queue.wanted) return
    const oldest = earliest(this.#entries.values(), 'openedAt', entry => entry.state === 'open')
    if (!oldest) return
    evictions.record(1, 'budget')
    this.#leave(oldest)
  }

  async #drain(left: number): Promise<void> {
    this.#queue.clear(spec => new DatabaseClosedError(labelOf(spec)))
    for (const entry of [...this.#entries.values()]) this.#leave(entry)
    await this.#allEnded(Math.min(this.#drainTimeout, left / 2))
    for (const entry of this.#leaving) {
      if (entry.state === 'open') this.#maker.end(entry)
    }
    await this.#allEnded(Math.min(this.#disconnectTimeout, left / 2))
  }

  #allEnded(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#used() === 0) return resolve()
      const timer = this.#clock.setTimeout(resolve, milliseconds)
      this.#drained = () => {
        this.#clock.clearTimeout(timer)
        resolve()
      }
    })
  }
}

function labelOf(spec: DatabaseSpec): string {
  return `"${spec.name}" (${describeUrl(spec.url)})`
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (!done) {
      done = true
      action()
    }
  }
}
