import type { RedisNode } from './address'
import type { RedisTls } from './tls'

/**
 * The `scale.redis` options as they arrive at run time. Every field may be `''`, which means "not set", and may
 * have another type than it was written in, because Nitro parses environment variables as JSON where it can.
 */
export interface RedisRuntimeOptions {
  url?: string
  host?: string
  port?: number | string
  username?: string
  password?: string
  db?: number | string
  tls?: boolean | string | RedisTls
  sentinels?: (Partial<RedisNode> | string)[] | string
  name?: string
  sentinelPassword?: string
  cluster?: (Partial<RedisNode> | string)[] | string | boolean
  prefix?: string
  commandTimeout?: number | string
  natMap?: Record<string, RedisNode> | string
}

/** `''` means "not set": the server looks the value up in its environment when it starts. */
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
