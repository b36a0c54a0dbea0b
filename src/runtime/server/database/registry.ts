import type { Timers } from '../core/clock'
import type { DatabaseFactory, DatabasePool, DatabaseSpec } from './types'

/** The right to use a client until `release()` is called. */
export interface DatabaseLease<Client> {
  client: Client
  /** Name and address of the database without credentials, for logs and errors. */
  label: string
  /** Releases the client. Only the first call has an effect. */
  release: () => void
}

/** Current numbers of the registry, for metrics and tests. */
export interface DatabaseGauges {
  /** Clients that exist, or are being created or closed. */
  clients: number
  /** Reserved connections; never more than `maxConnections`. */
  reserved: number
  /** Callers that wait for a client. */
  waiting: number
  /** Leases that are not released yet. */
  leases: number
  /** Clients whose disconnect takes longer than `disconnectTimeout`. Their connections stay reserved until it is done. */
  stuck: number
}

/** All times are in milliseconds. */
export interface ClientRegistryOptions<Client> {
  factory: DatabaseFactory<Client | Promise<Client>>
  pool: DatabasePool
  maxClients: number
  maxConnections: number
  idleTimeout: number
  /** Longest time that `close()` waits for leases. @default 5000 */
  drainTimeout?: number
  /** Time after which a disconnect counts as stuck. @default 5000 */
  disconnectTimeout?: number
  log?: { warn: (sentence: string) => void }
  clock?: Timers
}

/** The database clients of a process, with common limits on clients and connections. */
export interface ClientRegistry<Client> {
  /**
   * Leases the client for `spec`, and creates it if needed. Waits at most `pool.acquireTimeout` for free connections and the factory.
   * @throws DatabaseBusyError when that time is over
   * @throws DatabaseFactoryError when the factory fails
   * @throws DatabaseClosedError after `close()`
   */
  lease: (spec: DatabaseSpec) => Promise<DatabaseLease<Client>>
  /**
   * Reserves connections permanently, without creating the client yet. A pinned client is never evicted.
   * @throws Error when `maxConnections` or `maxClients` is reached
   */
  pin: (spec: DatabaseSpec) => void
  /**
   * Leases a pinned client synchronously. The client is created at the first call.
   * @throws DatabaseFactoryError when the factory fails, or has not finished
   */
  leaseNow: (spec: DatabaseSpec) => DatabaseLease<Client>
  gauges: () => DatabaseGauges
  /**
   * Refuses new leases, waits at most `drainTimeout` for the others, and disconnects all clients. Further calls have no effect.
   * @param left remaining time for the whole shutdown, in milliseconds. By default only `drainTimeout` and `disconnectTimeout` apply
   */
  close: (left?: number) => Promise<void>
}
