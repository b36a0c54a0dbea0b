import { describe, expectTypeOf, it } from 'vitest'
import type { ModuleOptions } from '../../src/module'
import type { AppCache } from '../../src/runtime/server/cache/app-cache'
import type { CacheOptions } from '../../src/runtime/server/cache/types'
import { cacheWithRedis, invalidateCache, invalidateCachePattern, invalidateCacheTags } from '../../src/runtime/server/cache/utils'
import type { RedisClient } from '../../src/runtime/server/redis/types'
import { useRedis } from '../../src/runtime/server/redis/utils'

describe('the types of the helpers', () => {
  it('follow from the loader', () => {
    expectTypeOf(cacheWithRedis('key', () => 1)).toEqualTypeOf<Promise<number>>()
    expectTypeOf(cacheWithRedis('key', async () => ({ id: 'a' }), 60)).toEqualTypeOf<Promise<{ id: string }>>()
    expectTypeOf(cacheWithRedis('key', (context) => {
      expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>()
      return null
    })).toEqualTypeOf<Promise<null>>()
  })

  it('give validate the value and refuse what is no option', () => {
    void cacheWithRedis('key', () => ({ id: 1 }), { validate: (value) => {
      expectTypeOf(value).toEqualTypeOf<{ id: number }>()
      return true
    } })
    // @ts-expect-error an unknown option
    void cacheWithRedis('key', () => 1, { maxAge: 60 })
    // @ts-expect-error an unknown option beside a known one
    void cacheWithRedis('key', () => 1, { ttl: 60, forceFresh: true })
    // @ts-expect-error a string is not an object of options
    void cacheWithRedis('key', () => 1, '60')
    // @ts-expect-error an unknown option of an invalidation
    void invalidateCache('key', { scope: '*' })
    // @ts-expect-error an unknown option of an invalidation
    void invalidateCachePattern('key*', { tenants: '*' })
    // @ts-expect-error an unknown option of an invalidation
    void invalidateCacheTags('tag', { force: true })
    expectTypeOf<CacheOptions['tags']>().toEqualTypeOf<readonly string[] | undefined>()
  })

  it('say what an invalidation gives', () => {
    expectTypeOf(invalidateCache(['a', 'b'], { strict: true })).toEqualTypeOf<Promise<void>>()
    expectTypeOf(invalidateCachePattern('a:*')).toEqualTypeOf<Promise<number>>()
    expectTypeOf(invalidateCacheTags('tag')).toEqualTypeOf<Promise<void>>()
  })

  it('are never any', () => {
    expectTypeOf(useRedis()).toEqualTypeOf<RedisClient>()
    expectTypeOf(useRedis()).not.toBeAny()
    expectTypeOf<AppCache['get']>().not.toBeAny()
    expectTypeOf<ModuleOptions['cache']>().not.toBeAny()
    // @ts-expect-error an unknown feature
    void ({ reddis: {} } satisfies ModuleOptions)
    // @ts-expect-error an unknown option of a feature
    void ({ cache: { tll: 1 } } satisfies ModuleOptions)
  })
})
