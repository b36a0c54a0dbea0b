import type { DatabaseClock } from './clock'
import type { DatabaseFactory, DatabasePool, DatabaseSpec } from './types'

/** A client for as long as it is not released. */
export interface DatabaseLease<Client> {
  client: Client
  /** What may be shown of its database. */
  label: string
  /** Gives the client back. Only the first call counts. */
  release: () => void
}

/** What is going on, for metrics and tests. */
export interface DatabaseGauges {
  /** Clients that exist or are being made or ended. */
  clients: number
  /** Connections that the budget has promised: never above `maxConnections`. */
  reserved: number
  /** Callers that wait for a place. */
  waiting: number
  /** Leases that are out. */
  leases: number
  /** Clients whose disconnect has overrun its deadline. They keep their place until it is done. */
  stuck: number
}

/** What a registry needs. All times in milliseconds. */
export interface ClientRegistryOptions<Client> {
  factory: DatabaseFactory<Client | Promise<Client>>
  pool: DatabasePool
  maxClients: number
  maxConnections: number
  idleTimeout: number
  /** How long `close()` waits for leases. @default 5000 */
  drainTimeout?: number
  /** After this a disconnect counts as stuck. @default 5000 */
  disconnectTimeout?: number
  log?: { warn: (sentence: string) => void }
  clock?: DatabaseClock
}

/** The clients of a process, under one budget of connections. */
export interface ClientRegistry<Client> {
  /**
   * A client for `spec`, made if there is none. Waits for a place, and for the factory, at most `pool.acquireTimeout`.
   * @throws DatabaseBusyError when that time is over
   * @throws DatabaseFactoryError when the factory failed
   * @throws DatabaseClosedError after `close()`
   */
  lease: (spec: DatabaseSpec) => Promise<DatabaseLease<Client>>
  /**
   * Takes a place for good, without making the client yet. Its client is never evicted.
   * @throws Error when the budget has no place left
   */
  pin: (spec: DatabaseSpec) => void
  /**
   * A lease of a pinned client, at once. The client is made at the first call.
   * @throws DatabaseFactoryError when the factory fails, or has not finished
   */
  leaseNow: (spec: DatabaseSpec) => DatabaseLease<Client>
  gauges: () => DatabaseGauges
  /**
   * Refuses new leases, lets those that are out end within `drainTimeout`, and disconnects everything. Idempotent.
   * @param left milliseconds for all of it. @default what the options say
   */
  close: (left?: number) => Promise<void>
}
