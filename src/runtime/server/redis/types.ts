import type { Cluster, Redis } from 'ioredis'

/** A command client of ioredis 5 or 6: one server (or Sentinel), or a Cluster. */
export type RedisClient = Redis | Cluster

/** Commands in metrics. Calls without a name, or with several commands, are `_other`. */
export type RedisCommandName = 'EVALSHA' | 'EXISTS' | 'GET' | 'MGET' | 'PING' | 'PUBLISH' | 'SCAN' | 'SET' | 'UNLINK' | '_other'

/**
 * The Redis connection that all features share. A deadline for each call and a circuit breaker with half-open probes
 * keep an unreachable Redis from blocking requests.
 */
export interface RedisConnection {
  /** The raw client. Only its fail-fast options limit calls that you make on it directly, so prefer {@link run}. */
  readonly client: RedisClient
  /** True when the client is an ioredis `Cluster`. */
  readonly isCluster: boolean
  /** Prefix of every key that the module writes, without the trailing colon. */
  readonly prefix: string
  /** Selected database number; always 0 on a Cluster. */
  readonly database: number
  /** Longest time of one call in milliseconds, from `redis.commandTimeout`. */
  readonly commandTimeout: number
  /** False while the breaker is open. Callers must not wait for Redis then. */
  readonly available: boolean
  /**
   * Runs one operation within `budget` milliseconds and reports its outcome to the breaker.
   * @param budget milliseconds, `commandTimeout` by default
   * @param name the command in metrics, in upper case
   * @throws RedisUnavailableError at once while the breaker is open
   * @throws RedisTimeoutError when the operation takes longer than `budget`
   */
  run: <T>(operation: (client: RedisClient) => Promise<T>, budget?: number, name?: RedisCommandName) => Promise<T>
  /** Returns a client for each master: on a single server the client itself, on a Cluster one client per master. */
  masters: () => Redis[]
  /**
   * Opens a separate connection for subscriptions.
   * It does not subscribe again after it reconnects. The caller must do that, and must close the connection.
   * @param node the server to connect to; by default the single server, or the first master of a Cluster
   */
  openSubscriber: (node?: Redis) => Redis
  /**
   * Calls `listener` each time Redis becomes available or unavailable. Returns a function that removes the listener.
   */
  onAvailability: (listener: (available: boolean) => void) => () => void
  /** Closes the client, the probes and all open subscribers. Idempotent. */
  close: () => Promise<void>
}
