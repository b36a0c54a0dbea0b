import type { RedisNode } from './address'
import type { RedisTls } from './tls'

/**
 * `scale.redis`: the address of Redis, its credentials and its timeout. All features share one connection.
 *
 * The first address that is set decides, in the order `cluster`, `sentinels`, `url`, `host`.
 * Options and `NUXT_SCALE_REDIS_*` take precedence over plain variables such as `REDIS_URL`.
 * In every option, `''` means "not set". At run time a value may have another type than in nuxt.config,
 * because Nitro parses environment variables as JSON where it can.
 */
export interface RedisRuntimeOptions {
  /**
   * URL of the server: `redis://user:password@host:port/db`, or `rediss://` for TLS. Percent-encode special characters of the password.
   * A password in it must come from the environment.
   * @default ''
   * @env NUXT_SCALE_REDIS_URL, REDIS_URL
   */
  url?: string
  /**
   * Name or address of the server, instead of `url`.
   * @default ''
   * @env NUXT_SCALE_REDIS_HOST, REDIS_HOST
   */
  host?: string
  /**
   * TCP port of `host`, from 1 to 65535.
   * @default 6379
   * @env NUXT_SCALE_REDIS_PORT, REDIS_PORT
   */
  port?: number | string
  /**
   * User name of the Redis ACL. It takes precedence over the one in `url`.
   * @default ''
   * @env NUXT_SCALE_REDIS_USERNAME, REDIS_USERNAME
   */
  username?: string
  /**
   * Password of the user. It takes precedence over the one in `url`. Set it in the environment only, never in nuxt.config.
   * @default ''
   * @env NUXT_SCALE_REDIS_PASSWORD, REDIS_PASSWORD
   */
  password?: string
  /**
   * Number of the database, a whole number from 0. It takes precedence over the one in `url`. A Cluster has database 0 only.
   * @default 0
   * @env NUXT_SCALE_REDIS_DB, REDIS_DB
   */
  db?: number | string
  /**
   * Encrypts the connection: `true`, or an object with `ca`, `cert`, `key`, `servername` and `rejectUnauthorized`.
   * In a variable, write the object as JSON. A `rediss://` URL turns TLS on without this option.
   * @default false
   * @env NUXT_SCALE_REDIS_TLS, REDIS_TLS
   */
  tls?: boolean | string | RedisTls
  /**
   * Addresses of the Sentinels, as `'host:port,host:port'` or `[{ host, port }]`. The default port is 26379. Requires `name`.
   * @default ''
   * @env NUXT_SCALE_REDIS_SENTINELS, REDIS_SENTINELS
   */
  sentinels?: (Partial<RedisNode> | string)[] | string
  /**
   * Name of the master group that the Sentinels watch, such as `'mymaster'`.
   * @default ''
   * @env NUXT_SCALE_REDIS_NAME, REDIS_SENTINEL_NAME
   */
  name?: string
  /**
   * Password of the Sentinels themselves, if they require one. Set it in the environment only, never in nuxt.config.
   * @default ''
   * @env NUXT_SCALE_REDIS_SENTINEL_PASSWORD
   */
  sentinelPassword?: string
  /**
   * Start nodes of a Redis Cluster, as `'host:port,host:port'` or `[{ host, port }]`, or `true` to start from `url` or `host`.
   * The client finds the other nodes by itself.
   * @default ''
   * @env NUXT_SCALE_REDIS_CLUSTER, REDIS_CLUSTER
   */
  cluster?: (Partial<RedisNode> | string)[] | string | boolean
  /**
   * First part of every key that the module writes. Apps that share one Redis need different prefixes.
   * It must not contain braces or white space.
   * @default 'scale'
   * @env NUXT_SCALE_REDIS_PREFIX
   */
  prefix?: string
  /**
   * Longest time that one call may take, from 1 ms to 60 s. A plain number is seconds.
   * After that, the caller gets a `RedisTimeoutError`, and features continue without Redis.
   * @default '250ms'
   * @env NUXT_SCALE_REDIS_COMMAND_TIMEOUT
   */
  commandTimeout?: number | string
  /**
   * Maps the addresses that Sentinels or Cluster nodes announce to addresses that this server can reach:
   * `{ '172.18.0.2:6379': { host: 'redis.example.com', port: 7001 } }`. In a variable, write it as JSON.
   * @default ''
   * @env NUXT_SCALE_REDIS_NAT_MAP
   */
  natMap?: Record<string, RedisNode> | string
}

/** Defaults of `scale.redis`. `''` means "not set": the server then looks for the value in its environment when it starts. */
export const redisDefaults = {
  url: '',
  host: '',
  port: '',
  username: '',
  password: '',
  db: '',
  tls: '',
  sentinels: '',
  name: '',
  sentinelPassword: '',
  cluster: '',
  prefix: 'scale',
  commandTimeout: '250ms',
  natMap: '',
} satisfies Required<RedisRuntimeOptions>
