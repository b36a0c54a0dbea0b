import type { Cluster, Redis } from 'ioredis'

/** A command client of ioredis 5 or 6: one server (or Sentinel), or a Cluster. */
export type RedisClient = Redis | Cluster

/**
 * The one connection that all features share, with everything that keeps a dead Redis from hanging a request:
 * a deadline a call and a circuit breaker with half-open probes.
 */
export interface RedisConnection {
  /** The raw client. Calls made on it directly are bounded only by its fail-fast options; prefer {@link run}. */
  readonly client: RedisClient
  /** True when the client is an ioredis `Cluster`. */
  readonly isCluster: boolean
  /** Prefix of every key that the module writes, without the trailing colon. */
  readonly prefix: string
  /** Selected database number; always 0 on a Cluster. */
  readonly database: number
  /** Budget of one call in milliseconds, from `redis.commandTimeout`. */
  readonly commandTimeout: number
  /** False while the breaker is open: nobody should wait for Redis now. */
  readonly available: boolean
  /**
   * Runs one operation within `budget` milliseconds (default `commandTimeout`) and feeds the breaker.
   * @throws RedisUnavailableError at once while the breaker is open
   * @throws RedisTimeoutError when the budget is spent
   */
  run: <T>(operation: (client: RedisClient) => Promise<T>, budget?: number) => Promise<T>
  /** Clients of every master: the client itself on a single server, one a master on a Cluster. */
  masters: () => Redis[]
  /**
   * Opens a plain connection for subscriptions, to `node` (default: this server, or the first master).
   * It never re-subscribes by itself; the caller owns and closes it.
   */
  openSubscriber: (node?: Redis) => Redis
  /**
   * Calls `listener` each time Redis becomes available or stops being so. Returns a function that stops it.
   */
  onAvailability: (listener: (available: boolean) => void) => () => void
  /** Closes the client, the probes and every subscriber that was opened. Idempotent. */
  close: () => Promise<void>
}
