import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { LONGEST_TAG_LIST } from '../../src/runtime/server/cache/entry'
import type { CacheOptions, LoadContext } from '../../src/runtime/server/cache/types'
import { startCacheProcess, startEmbeddedCache } from '../support/cache'
import type { CacheProcess } from '../support/cache'
import { recordMetrics } from '../support/recorded-metrics'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { startTcpProxy } from '../support/tcp-proxy'
import type { TcpProxy } from '../support/tcp-proxy'
import { waitFor } from '../support/wait'

/** One tag more than the header of an entry holds, each 500 characters with its version. */
const TOO_MANY_TAGS = Array.from({ length: (LONGEST_TAG_LIST + 1) / 500 }, (_, index) => `tag${index}`.padEnd(482, '.'))
const SENTENCE = /^The 200 tags of a cache entry take 100000 characters, and 99999 is the limit: .*\.$/

let redis: RedisServer
let control: Redis
let proxy: TcpProxy
/** The one that loads, and the one that waits for it. */
let one: CacheProcess
let two: CacheProcess
/** Keys that Redis deleted because their time was over. */
let expired: string[]

beforeAll(async () => {
  redis = await startRedis({ args: ['--notify-keyspace-events', 'Ex'] })
  control = redis.client()
  const events = redis.client()
  await events.subscribe('__keyevent@0__:expired')
  events.on('message', (_, key) => expired.push(key))
})

afterAll(async () => {
  await redis?.stop()
})

beforeEach(async () => {
  expired = []
  await control.flushall()
  proxy = await startTcpProxy(redis.port)
  one = await startCacheProcess({ redis: { host: '127.0.0.1', port: proxy.port } })
  two = await startCacheProcess({ redis: { url: redis.url } })
})

afterEach(async () => {
  await Promise.all([one.close(), two.close()])
  proxy.close()
})

interface Failure {
  /** What the loader does before it returns. */
  loader?: (context: LoadContext) => unknown
  options?: CacheOptions
  /** Breaks Redis while the loader runs. */
  breaks?: () => unknown
  repairs?: () => unknown
  /** What the loading caller is refused with. Default: it gets its value. */
  rejects?: string | RegExp
}

const refuse = (message: string) => () => {
  throw new Error(message)
}

const serializer = (part: Partial<CacheOptions['serializer'] & object>): CacheOptions => (
  { serializer: { codec: 'x', encode: JSON.stringify, decode: payload => JSON.parse(payload.toString()), ...part } }
)

const failures: Record<string, Failure> = {
  'a loader that names more tags than an entry holds': { loader: context => context.addTags(TOO_MANY_TAGS), rejects: SENTENCE },
  'a loader that ignores the refusal of its tags': {
    loader(context) {
      try {
        context.addTags(TOO_MANY_TAGS)
      }
      catch { /* as an app may do that does not mind about tags */ }
    },
    rejects: SENTENCE,
  },
  'a loader that throws': { loader: refuse('the database is down'), rejects: 'the database is down' },
  'a validation that throws': { options: { validate: refuse('validate failed') }, rejects: 'validate failed' },
  'a serializer that cannot encode the value': { options: serializer({ encode: refuse('cannot encode') }) },
  'a serializer that gives no payload': { options: serializer({ encode: () => 5 as never }) },
  'a serializer that cannot decode what it encoded': { options: serializer({ decode: refuse('cannot decode') }) },
  'a Redis that refuses to store the entry': {
    breaks: () => control.call('ACL', 'SETUSER', 'default', 'resetkeys', '%R~scale:cache:*', '~scale:lease:*'),
    repairs: () => control.call('ACL', 'SETUSER', 'default', 'allkeys'),
  },
  'a Redis without memory': {
    breaks: () => control.config('SET', 'maxmemory', '1'),
    repairs: () => control.config('SET', 'maxmemory', '0'),
  },
  'a connection that is lost': {
    breaks: () => {
      proxy.refuse()
      proxy.cut()
    },
    repairs: () => proxy.accept(),
  },
}

describe('a load that stores nothing gives its lease back at once:', () => {
  it.each(Object.entries(failures))('%s', async (_, { loader, options, breaks, repairs, rejects }) => {
    const { promise: broken, resolve: goOn } = Promise.withResolvers<undefined>()
    const began = Promise.withResolvers<undefined>()
    const loading = one.engine.get('key', async (context) => {
      began.resolve(undefined)
      await broken
      await loader?.(context)
      return 'one'
    }, options as CacheOptions<string>)
    const outcome = loading.catch((error: Error) => error.message)
    await began.promise
    const waiting = two.engine.get('key', () => 'two')
    await waitFor(async () => /cmdstat_getrange:calls=2/.test(await control.info('commandstats')), { message: 'the second process to wait' })
    await breaks?.()
    goOn(undefined)
    try {
      if (rejects) expect(await outcome).toMatch(rejects)
      else expect(await outcome).toBe('one')
    }
    finally {
      await repairs?.()
    }
    expect(await waiting).toBe('two')
    // Redis tells of expiries in passing; a look at the key makes it notice.
    await control.exists('scale:lease:{key}')
    expect(expired).toEqual([])
    await control.config('RESETSTAT')
  })

  it('and so does one whose lease was won without the process hearing of it', async () => {
    await control.call('CLIENT', 'PAUSE', '600', 'WRITE')
    expect(await one.engine.get('key', () => 'one')).toBe('one')
    // The lease script, which nobody waits for any more, runs now.
    await control.set('after the pause', '')
    expect(await two.engine.get('key', () => 'two')).toBe('two')
    expect(expired).toEqual([])
    expect(await one.engine.get('key', () => 'again')).toBe('two')
  })
})

describe('metrics', () => {
  const { values, sum } = recordMetrics()

  it('a call that waits for the load of another process counts once, with the time of its wait', async () => {
    const { promise: loaded, resolve: finish } = Promise.withResolvers<string>()
    const began = Promise.withResolvers<undefined>()
    const loading = one.engine.get('key', () => {
      began.resolve(undefined)
      return loaded
    })
    await began.promise
    const waiting = two.engine.get('key', () => 'two')
    // Long enough for several polls, which are 50, 100, 200 and 400 ms apart.
    await new Promise(resolve => setTimeout(resolve, 500))
    finish('one')
    expect(await Promise.all([loading, waiting])).toEqual(['one', 'one'])
    expect(values('scale.cache.lease')).toEqual({ granted: 1, waited: 1 })
    expect(values('scale.cache.lease.wait')).toEqual({ '': 1 })
    expect(sum('scale.cache.lease.wait')).toBeGreaterThan(0.3)
  })
})

describe('tags that do not fit an entry', () => {
  it.each(['embedded', 'on Redis'])('are refused with one sentence before anything is loaded, %s', async (kind) => {
    // Noting 199 tags takes its time on a busy machine.
    const patient = kind === 'embedded' ? undefined : await startCacheProcess({ redis: { url: redis.url, commandTimeout: '5s' } })
    onTestFinished(() => patient?.close())
    const { engine } = patient ?? { engine: startEmbeddedCache() }
    let loads = 0
    const load = () => ++loads
    for (let call = 0; call < 3; call++) await expect(engine.get('key', load, { tags: TOO_MANY_TAGS })).rejects.toThrow(SENTENCE)
    await expect(engine.set('key', 1, { tags: TOO_MANY_TAGS })).rejects.toThrow(SENTENCE)
    expect(loads).toBe(0)
    expect(await engine.get('key', load, { tags: TOO_MANY_TAGS.slice(1) })).toBe(1)
    expect(await engine.peek('key')).toBe(1)
    await engine.invalidateTags(TOO_MANY_TAGS.slice(1, 3))
    expect(await engine.peek('key')).toBeUndefined()
  })

  it('a ttl past the digits of the header is stored with the longest one that fits', async () => {
    expect(await one.engine.get('key', () => 1, { ttl: '100000d' })).toBe(1)
    expect(await two.engine.peek('key')).toBe(1)
  })
})
