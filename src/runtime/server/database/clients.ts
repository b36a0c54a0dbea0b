import { detached } from '../core/detached'
import { idleClock } from '../core/clock'
import type { ClientEntry } from './entry'
import { createEntry, earliest, clientKey } from './entry'
import { DatabaseBusyError, DatabaseClosedError } from './errors'
import type { ClientMaker } from './maker'
import { createMaker } from './maker'
import { createAdmissionQueue } from './queue'
import { describeUrl } from './redact'
import type { ClientRegistry, ClientRegistryOptions, DatabaseLease } from './registry'
import type { DatabaseSpec } from './types'

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
  const { pool, maxClients, maxConnections, idleTimeout, clock = idleClock } = options
  const { drainTimeout = DEFAULT_DEADLINE, disconnectTimeout = DEFAULT_DEADLINE } = options
  const capacity = Math.min(maxClients, Math.floor(maxConnections / pool.max))
  // Connections and timers outlive the request that created them, and would keep its context in memory.
  const entries = new Map<string, ClientEntry<Client>>()
  const leaving = new Set<ClientEntry<Client>>()
  const queue = createAdmissionQueue<ClientEntry<Client>>({
    timeout: pool.acquireTimeout, expired: busy, overdue: makeBusyClientLeave, clock,
  })
  const maker: ClientMaker<Client> = createMaker(options, { opened, failed, ended: forget })
  let closing: Promise<void> | undefined
  let drained: (() => void) | undefined
  let pumping = false

  const used = () => entries.size + leaving.size
  const labelOf = (spec: DatabaseSpec) => `"${spec.name}" (${describeUrl(spec.url)})`

  function busy(spec: DatabaseSpec): Error {
    const message = `No database connection became free for ${labelOf(spec)} within ${pool.acquireTimeout} ms:`
      + ' try again later, or raise scale.database.maxConnections.'
    return new DatabaseBusyError(message, pool.acquireTimeout)
  }

  function add(spec: DatabaseSpec, pinned = false): ClientEntry<Client> {
    const entry = createEntry<Client>(spec, labelOf(spec), pinned)
    entries.set(entry.key, entry)
    return entry
  }

  function make(entry: ClientEntry<Client>): void {
    entry.openedAt = clock.now()
    detached(() => maker.make(entry))
  }

  function opened(entry: ClientEntry<Client>): void {
    if (entry.leases === 0) rest(entry)
  }

  function failed(entry: ClientEntry<Client>): void {
    // A pinned entry stays reserved, and the next call tries the factory again.
    if (!entry.pinned || entry.leaving) forget(entry)
  }

  function forget(entry: ClientEntry<Client>): void {
    if (entries.get(entry.key) === entry) entries.delete(entry.key)
    leaving.delete(entry)
    pump()
    if (used() === 0) drained?.()
  }

  /** Completes a lease that is already counted in `entry.leases`. Waits for the factory until `deadline`. */
  async function take(entry: ClientEntry<Client>, deadline: number): Promise<DatabaseLease<Client>> {
    const release = once(() => giveBack(entry))
    try {
      if (entry.ready) await beforeDeadline(entry, entry.ready, deadline)
      // The client may have been closed during the wait, because the server shuts down.
      if (entry.state !== 'open') throw new DatabaseClosedError(entry.label)
      return { client: entry.handle!.client, label: entry.label, release }
    }
    catch (error) {
      release()
      throw error
    }
  }

  function beforeDeadline(entry: ClientEntry<Client>, ready: Promise<void>, deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = detached(() => clock.setTimeout(() => {
        // The next caller tries the factory again. This entry keeps its connections reserved until its factory has settled.
        if (!entry.pinned && entry.state === 'making') leave(entry)
        const message = `server/scale.database.ts created no client for ${entry.label} within ${pool.acquireTimeout} ms: try again later.`
        reject(new DatabaseBusyError(message, pool.acquireTimeout))
      }, Math.max(0, deadline - clock.now())))
      ready.then(resolve, reject).finally(() => clock.clearTimeout(timer))
    })
  }

  function giveBack(entry: ClientEntry<Client>): void {
    entry.leases--
    entry.usedAt = clock.now()
    if (entry.leases === 0 && entry.state === 'open') rest(entry)
  }

  /** Handles a client without leases: closes it if a caller needs the space, or keeps it open for `idleTimeout`. */
  function rest(entry: ClientEntry<Client>): void {
    if (entry.leaving) return maker.end(entry)
    if (entry.pinned) return
    entry.usedAt = clock.now()
    pump()
    if (!entry.leaving) entry.idleTimer = detached(() => clock.setTimeout(() => leave(entry), idleTimeout))
  }

  /** Stops new leases of a client, and closes the client as soon as it has no leases. */
  function leave(entry: ClientEntry<Client>): void {
    clock.clearTimeout(entry.idleTimer)
    entry.leaving = true
    entries.delete(entry.key)
    leaving.add(entry)
    if (entry.state === 'reserved') forget(entry)
    else if (entry.state === 'open' && entry.leases === 0) detached(() => maker.end(entry))
  }

  /** Admits waiting callers while there is space, and closes idle clients to make space for the others. */
  function pump(): void {
    if (pumping) return
    pumping = true
    while (used() < capacity) {
      const group = queue.shift()
      if (!group) break
      const entry = add(group.spec)
      // The leases are counted before the factory runs, so that the client does not look idle.
      entry.leases = group.count
      make(entry)
      group.admit(entry)
    }
    while (leaving.size < queue.wanted) {
      const idle = earliest(entries.values(), 'usedAt', entry => entry.leases === 0 && entry.state === 'open')
      if (!idle) break
      leave(idle)
    }
    pumping = false
    // A factory that failed synchronously has freed its place meanwhile.
    if (queue.wanted > 0 && used() < capacity) pump()
  }

  /**
   * Makes space when all clients are busy. Clients under steady load are never idle, so callers of other databases would wait forever.
   * When a caller has waited a quarter of the acquire timeout, the oldest client stops new leases: its next callers have to queue.
   */
  function makeBusyClientLeave(): void {
    if (leaving.size >= queue.wanted) return
    const oldest = earliest(entries.values(), 'openedAt', entry => entry.state === 'open')
    if (oldest) leave(oldest)
  }

  async function close(left: number): Promise<void> {
    queue.clear(spec => new DatabaseClosedError(labelOf(spec)))
    for (const entry of [...entries.values()]) leave(entry)
    await allEnded(Math.min(drainTimeout, left / 2))
    for (const entry of leaving) {
      if (entry.state === 'open') maker.end(entry)
    }
    await allEnded(Math.min(disconnectTimeout, left / 2))
  }

  function allEnded(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      if (used() === 0) return resolve()
      const timer = clock.setTimeout(resolve, milliseconds)
      drained = () => {
        clock.clearTimeout(timer)
        resolve()
      }
    })
  }

  return {
    async lease(spec) {
      if (closing) throw new DatabaseClosedError(labelOf(spec))
      const deadline = clock.now() + pool.acquireTimeout
      let entry = entries.get(clientKey(spec))
      // There is never free space while other callers wait, so this caller does not overtake them.
      if (!entry && used() < capacity) entry = add(spec)
      if (!entry) {
        const admitted = detached(() => queue.wait(clientKey(spec), spec))
        pump()
        const { place, deadline: until } = await admitted
        return take(place, until)
      }
      clock.clearTimeout(entry.idleTimer)
      entry.leases++
      if (entry.state === 'reserved') make(entry)
      return take(entry, deadline)
    },
    pin(spec) {
      if (entries.has(clientKey(spec))) return
      if (used() >= capacity) {
        throw new Error(`scale.database has no connections left for ${labelOf(spec)}:`
          + ` raise maxConnections (${maxConnections}) to pool.max (${pool.max}) times the number of named databases, replicas and`
          + ` concurrent tenants, and maxClients (${maxClients}) to that number.`)
      }
      add(spec, true)
    },
    leaseNow(spec) {
      if (closing) throw new DatabaseClosedError(labelOf(spec))
      const entry = entries.get(clientKey(spec))
      if (!entry?.pinned) {
        throw new Error(`The client of ${labelOf(spec)} is not available synchronously: use await getTenantPrismaClient() for it.`)
      }
      if (entry.state === 'reserved') make(entry)
      if (entry.state !== 'open') throw maker.notReady(entry)
      entry.leases++
      return { client: entry.handle!.client, label: entry.label, release: once(() => giveBack(entry)) }
    },
    gauges() {
      const all = [...entries.values(), ...leaving]
      return {
        clients: all.filter(({ state }) => state !== 'reserved').length,
        reserved: used() * pool.max,
        waiting: queue.waiting,
        leases: all.reduce((sum, { leases }) => sum + leases, 0),
        stuck: maker.stuck,
      }
    },
    close(left = Infinity) {
      return closing ??= close(left)
    },
  }
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
