import type { H3Event } from 'h3'
import { addEventCacheTags } from './nitro/tags'
import { useCacheEngine } from './runtime'
import { checkOptions } from './strict'
import type { CacheEngine, CacheLoader, CacheOptions, InvalidateOptions } from './types'

const INVALIDATE_OPTIONS = ['strict', 'tenant']

/** How and where an invalidation acts. */
export interface InvalidateCacheOptions {
  /** Reject when Redis did not confirm, instead of queueing the invalidation and resolving. Default: false. */
  strict?: boolean
  /** The id of another tenant, `'*'` for every tenant and what belongs to none, `''` for what belongs to none. Default: the tenant of the current call. */
  tenant?: string
}

/**
 * The value of `key` from the cache, else from `fn`, which runs once per miss in the whole cluster.
 *
 * Every value except `undefined` is cached, also `null`, `0`, `''` and `false`. An error of `fn` reaches every caller that waits, once; the cache never runs `fn` again for it.
 * With Redis away the value comes from `fn`.
 *
 * @param key any string that is not empty
 * @param fn loads the value
 * @param options how long it is fresh in seconds (default `scale.cache.ttl`, 300), or all options
 * @throws whatever `fn` throws; an Error naming the option when an option is wrong
 * @example
 * ```ts
 * const category = await cacheWithRedis(`category:${id}`, () => findCategory(id), 600)
 * ```
 */
export function cacheWithRedis<T>(key: string, fn: CacheLoader<T>, options?: number | CacheOptions<T>): Promise<T> {
  return useCacheEngine().get(key, fn, options)
}

/**
 * Deletes one key or several, in Redis and in the memory of every process. Write the source first and invalidate after.
 * With Redis away it resolves and the deletion is sent when Redis is back, unless `strict` is set.
 *
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
 * Deletes every key that matches a Redis glob: `*`, `?`, `[a-z]`, `\` before a character that is meant as it is.
 * A character is one of the key as you write it (a Unicode code point), not of its encoding in Redis.
 * It walks the keyspace in small steps; for what you invalidate often, tags cost nothing.
 *
 * @returns how many stored entries were deleted
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
 * Makes every entry that names one of the tags a miss, in one step however many there are.
 *
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
 * Names tags of the response that is being made: of what a cached handler or page keeps, and of the copies that a CDN keeps of any response.
 *
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
