import type { H3Event } from 'h3'
import { addEventCacheTags } from './nitro/tags'
import { useCacheEngine } from './service'
import { checkOptions } from './strict'
import type { CacheEngine, CacheLoader, CacheOptions, InvalidateOptions } from './types'

const INVALIDATE_OPTIONS = ['strict', 'tenant']

/** Options of an invalidation. */
export interface InvalidateCacheOptions {
  /**
   * Rejects when Redis did not confirm the invalidation. Without it the call resolves and the invalidation is queued.
   * @default false
   */
  strict?: boolean
  /**
   * The id of a tenant; `''` for entries without a tenant; `'*'` for all entries, with and without a tenant.
   * @default the tenant of the current call
   */
  tenant?: string
}

/**
 * Returns the value of `key` from the cache. On a miss it calls `fn`, once in the whole cluster, and stores the result.
 *
 * Every value except `undefined` is cached, including `null`, `0`, `''` and `false`.
 * If `fn` throws, all waiting callers of this process receive the error. The cache does not retry `fn`.
 * If Redis is unavailable, the value comes from `fn`.
 *
 * @param key a string that is not empty
 * @param fn loads the value
 * @param options the `ttl` in seconds (default `scale.cache.ttl`, 300), or an object of options
 * @throws the error of `fn`; an Error that names the option when an option is invalid
 * @example
 * ```ts
 * const category = await cacheWithRedis(`category:${id}`, () => findCategory(id), 600)
 * ```
 */
export function cacheWithRedis<T>(key: string, fn: CacheLoader<T>, options?: number | CacheOptions<T>): Promise<T> {
  return useCacheEngine().get(key, fn, options)
}

/**
 * Deletes one or more keys in Redis and in the memory of every process. Write to the database first, then invalidate.
 * If Redis is unavailable, the call resolves and the deletion is sent when Redis is back. With `strict` it rejects.
 *
 * @throws TypeError when a key is not a string or is empty; with `strict` the error of Redis
 * @example
 * ```ts
 * await invalidateCache([`category:${id}`, 'categories:list'])
 * ```
 */
export async function invalidateCache(keys: string | readonly string[], options?: InvalidateCacheOptions): Promise<void> {
  const engine = useCacheEngine()
  return engine.invalidate(keys, scoped(options, engine))
}

/**
 * Deletes every key that matches a Redis glob. It supports `*`, `?` and `[a-z]`; a `\` makes the next character literal.
 * The glob matches Unicode characters of the key as you write it, not of its encoding in Redis.
 * The call scans all keys in small steps. Prefer tags for frequent invalidations: they need no scan.
 *
 * @returns the number of deleted entries
 * @throws TypeError when the pattern is not a string or is empty; with `strict` the error of Redis
 * @example
 * ```ts
 * await invalidateCachePattern('route:/api/products*')
 * ```
 */
export async function invalidateCachePattern(pattern: string, options?: InvalidateCacheOptions): Promise<number> {
  const engine = useCacheEngine()
  return engine.invalidatePattern(pattern, scoped(options, engine))
}

/**
 * Makes every entry with one of the tags a miss. The cost does not depend on the number of entries.
 *
 * @throws TypeError when a tag is not a string or is empty; with `strict` the error of Redis
 * @example
 * ```ts
 * await invalidateCacheTags(['product', `category:${id}`])
 * ```
 */
export async function invalidateCacheTags(tags: string | readonly string[], options?: InvalidateCacheOptions): Promise<void> {
  const engine = useCacheEngine()
  return engine.invalidateTags(tags, scoped(options, engine))
}

/**
 * Adds tags to the current response. They apply to the entry of a cached handler or page, and to the copies of any response in a CDN.
 *
 * @throws TypeError when a tag is not a string or is empty, or when the tags of the entry exceed 99,999 characters
 * @example
 * ```ts
 * setCacheTags(event, [`product:${product.id}`])
 * ```
 */
export function setCacheTags(event: H3Event, tags: string | readonly string[]): void {
  addEventCacheTags(event, tags)
}

function scoped(options: InvalidateCacheOptions | undefined, { development }: CacheEngine): InvalidateOptions | undefined {
  if (development) checkOptions(options, INVALIDATE_OPTIONS, 'An invalidation')
  return options && { strict: options.strict, scope: options.tenant }
}
