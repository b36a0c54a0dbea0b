import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CacheEngine, CacheOptions, CacheSource } from '../../src/runtime/server/cache/types'
import { cacheService } from '../../src/runtime/server/cache/service'
import { cacheSettings } from '../../src/runtime/server/cache/settings'
import { cacheWithRedis, invalidateCache, invalidateCachePattern, invalidateCacheTags } from '../../src/runtime/server/cache/utils'
import { startCacheProcess, startEmbeddedCache } from '../support/cache'
import type { CacheProcess } from '../support/cache'
import { keysWithoutExpiry, startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { waitFor } from '../support/wait'

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})

afterAll(async () => {
  await redis?.stop()
})

/** Resolves after `milliseconds`: an artificial slow source. */
const slow = (milliseconds: number) => new Promise<void>(resolve => setTimeout(resolve, milliseconds))

const MAX_VALUE_SIZE = 10_000

describe.each(['embedded', 'on Redis', 'on Redis without L1'])('a cache %s', (kind) => {
  let engine: CacheEngine
  let close: () => Promise<void> = async () => {}
  let logged: string[]
  let scope = ''

  beforeEach(async () => {
    scope = ''
    const options = { scope: () => scope }
    if (kind === 'embedded') {
      const embedded = startEmbeddedCache({ jitter: 0, maxValueSize: MAX_VALUE_SIZE }, options)
      engine = embedded
      logged = embedded.logged
      return
    }
    await redis.client().flushall()
    const process = await startCacheProcess({ redis: { url: redis.url }, cache: { jitter: 0, maxValueSize: MAX_VALUE_SIZE, ...(kind.endsWith('L1') && { l1: false }) }, ...options })
    engine = process.engine
    logged = process.logged
    close = process.close
  })

  afterEach(async () => {
    if (kind !== 'embedded') expect(await keysWithoutExpiry(redis)).toEqual([])
    await close()
  })

  it('loads a missing value once and then serves it', async () => {
    let loads = 0
    const load = () => ({ loads: ++loads })
    expect(await engine.get('key', load)).toEqual({ loads: 1 })
    expect(await engine.get('key', load, 60)).toEqual({ loads: 1 })
    expect(await engine.peek('key')).toEqual({ loads: 1 })
  })

  it.each([null, 0, '', false, [], {}])('takes %j for a value', async (value) => {
    let loads = 0
    const load = () => {
      loads++
      return value
    }
    expect(await engine.get('key', load)).toEqual(value)
    expect(await engine.get('key', load)).toEqual(value)
    expect(loads).toBe(1)
  })

  it('does not store undefined', async () => {
    let loads = 0
    const load = () => {
      loads++
      return undefined
    }
    expect(await engine.get('key', load)).toBeUndefined()
    expect(await engine.get('key', load)).toBeUndefined()
    expect(loads).toBe(2)
    expect(await engine.keys('*')).toEqual([])
  })

  it('gives a miss and a hit the same types', async () => {
    const load = () => ({ when: new Date(0) })
    const missed = await engine.get('key', load as () => unknown)
    expect(missed).toEqual({ when: '1970-01-01T00:00:00.000Z' })
    expect(await engine.get('key', load as () => unknown)).toEqual(missed)
  })

  it('keeps rich values with the devalue serializer', async () => {
    const value = { when: new Date(0), map: new Map([['a', 1n]]), none: undefined }
    const options = { serializer: 'devalue' as const }
    expect(await engine.get('key', () => value, options)).toEqual(value)
    expect(await engine.get<unknown>('key', () => 'not this', options)).toEqual(value)
  })

  it('throws the error of a failing loader to every caller and runs it once', async () => {
    let loads = 0
    const error = new Error('the source is broken')
    const load = async () => {
      loads++
      await slow(20)
      throw error
    }
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => engine.get('key', load)))
    expect(results.every(result => result.status === 'rejected' && result.reason === error)).toBe(true)
    expect(loads).toBe(1)
  })

  it('passes a synchronous throw on as a rejection', async () => {
    const load = (): number => {
      throw new Error('at once')
    }
    await expect(engine.get('key', load)).rejects.toThrow('at once')
  })

  it('loads once for many concurrent callers', async () => {
    let loads = 0
    const load = async () => {
      await slow(20)
      return ++loads
    }
    const values = await Promise.all(Array.from({ length: 200 }, () => engine.get('key', load)))
    expect(new Set(values)).toEqual(new Set([1]))
    expect(loads).toBe(1)
  })

  it('serves a value within staleTtl at once and reloads it once in the background', async () => {
    let loads = 0
    const sources: CacheSource[] = []
    const refreshes: Promise<void>[] = []
    const options: CacheOptions<number> = { ttl: '30ms', staleTtl: 60, onSource: source => void sources.push(source), waitUntil: refresh => void refreshes.push(refresh) }
    const load = async () => {
      await slow(10)
      return ++loads
    }
    expect(await engine.get('key', load, options)).toBe(1)
    await slow(40)
    const values = await Promise.all(Array.from({ length: 20 }, () => engine.get('key', load, options)))
    expect(new Set(values)).toEqual(new Set([1]))
    await Promise.all(refreshes)
    expect(refreshes.length).toBeGreaterThan(0)
    expect(loads).toBe(2)
    expect(await engine.get('key', load, { ...options, ttl: 60 })).toBe(2)
    expect(sources).toContain('stale')
  })

  it('serves a value within staleIfError when the loader fails, and does not hammer the source', async () => {
    let loads = 0
    const options = { ttl: '20ms', staleIfError: 60 }
    expect(await engine.get('key', () => 'old', options)).toBe('old')
    await slow(30)
    const fail = (): string => {
      loads++
      throw new Error('the source is broken')
    }
    for (let call = 0; call < 5; call++) expect(await engine.get('key', fail, options)).toBe('old')
    expect(loads).toBe(1)
  })

  it('forgets a value at the end of its ttl', async () => {
    let loads = 0
    expect(await engine.get('key', () => ++loads, { ttl: '20ms' })).toBe(1)
    await slow(30)
    expect(await engine.peek('key')).toBeUndefined()
    expect(await engine.get('key', () => ++loads, { ttl: '20ms' })).toBe(2)
  })

  it('invalidates by key, by several keys and by pattern', async () => {
    let loads = 0
    const load = () => ++loads
    for (const key of ['a:1', 'a:2', 'b:1', 'c']) await engine.get(key, load)
    await engine.invalidate('c')
    await engine.invalidate(['b:1', 'unknown'])
    expect(await engine.invalidatePattern('a:*')).toBe(2)
    expect(await engine.keys('*')).toEqual([])
    for (const key of ['a:1', 'a:2', 'b:1', 'c']) await engine.get(key, load)
    expect(loads).toBe(8)
  })

  it('invalidates by tag what names the tag, in options or while it loads', async () => {
    let loads = 0
    await engine.get('listed', () => ++loads, { tags: ['product'] })
    await engine.get('late', (context) => {
      context.addTags(['product', 'other'])
      return ++loads
    })
    await engine.get('untouched', () => ++loads, { tags: ['other'] })
    expect(await engine.get('late', () => ++loads)).toBe(2)
    await engine.invalidateTags('product')
    expect(await engine.get('listed', () => ++loads, { tags: ['product'] })).toBe(4)
    expect(await engine.get('late', () => ++loads)).toBe(5)
    expect(await engine.get('untouched', () => ++loads)).toBe(3)
  })

  it('keeps scopes apart and widens only when told', async () => {
    const read = (name: string) => {
      scope = name
      return engine.get('key', () => `of ${name}`, { tags: ['tag'] })
    }
    for (const name of ['', 'a', 'b', '*', 'a|b']) expect(await read(name)).toBe(`of ${name}`)
    scope = 'a'
    expect(await engine.invalidatePattern('*')).toBe(1)
    expect(await engine.peek('key')).toBeUndefined()
    await engine.invalidateTags('tag')
    for (const name of ['', 'b', '*', 'a|b']) expect(await read(name)).toBe(`of ${name}`)
    scope = ''
    expect(await engine.keys('*')).toEqual(['key'])
    expect(await engine.invalidatePattern('*')).toBe(1)
    scope = 'b'
    expect(await engine.peek('key')).toBe('of b')
    expect(await engine.invalidatePattern('k*', { scope: '*' })).toBe(3)
    expect(await engine.peek('key')).toBeUndefined()
  })

  it('invalidates a tag in every scope when told, also for loads under way', async () => {
    const names = ['', 'a', 'b', 'a|b']
    let version = 1
    const read = (name: string, key: string, load: () => unknown = () => version) => {
      scope = name
      return engine.get(key, async (context) => {
        const value = await load()
        if (key !== 'named first') context.addTags(['tag*'])
        return value
      }, { tags: key === 'named first' ? ['tag*'] : ['another'] })
    }
    const keys = ['named first', 'named last']
    for (const name of names) {
      for (const key of keys) expect(await read(name, key)).toBe(1)
    }
    scope = 'a'
    await engine.get('other', () => 'kept', { tags: ['tag', 'x|tag*'] })
    // In a scope that never named the tag before, so that nothing of it is stored yet.
    const { promise: written, resolve: write } = Promise.withResolvers<undefined>()
    let begun = 0
    const underWay = ['a', 'c'].map(name => read(name, 'under way', async () => {
      const before = version
      begun++
      await written
      return before
    }))
    await waitFor(() => begun === 2)
    version = 2
    await engine.invalidateTags('tag*', { scope: '*' })
    write(undefined)
    expect(await Promise.all(underWay)).toEqual([1, 1])
    for (const name of names) {
      for (const key of keys) expect(await read(name, key)).toBe(2)
    }
    for (const name of ['a', 'c']) expect(await read(name, 'under way')).toBe(2)
    scope = 'a'
    expect(await engine.peek('other')).toBe('kept')
  })

  it('stores and reads with set and peek', async () => {
    expect(await engine.set('key', { a: 1 }, { ttl: 60, tags: ['tag'] })).toBe(true)
    expect(await engine.peek('key')).toEqual({ a: 1 })
    expect(await engine.set('key', { a: 2 })).toBe(true)
    expect(await engine.peek('key')).toEqual({ a: 2 })
    await engine.set('tagged', 1, { tags: ['tag'] })
    await engine.invalidateTags(['tag'])
    expect(await engine.peek('tagged')).toBeUndefined()
  })

  it('lets a set win over a load that began before it', async () => {
    let release: (() => void) | undefined
    const loading = engine.get('key', () => new Promise<string>((resolve) => {
      release = () => resolve('loaded')
    }))
    await waitFor(() => release)
    await engine.set('key', 'set')
    release!()
    expect(await loading).toBe('loaded')
    expect(await engine.peek('key')).toBe('set')
  })

  it.each(['with space', 'ключ:1', '{brace}', '100%', 'a|b', 'a%7Cb', '*', 'new\nline', '\uD800', '😀', 'x'.repeat(2000)])('keeps the key %j apart from all others', async (key) => {
    await engine.get(key, () => key)
    await engine.get(`${key}'`, () => 'neighbour')
    expect(await engine.get(key, () => 'other')).toBe(key)
    await engine.invalidate(key)
    expect(await engine.get<string>(`${key}'`, () => 'other')).toBe('neighbour')
    expect(await engine.get(key, () => 'again')).toBe('again')
    if (key.length < 100 && key !== '\uD800') expect((await engine.keys('*')).sort()).toEqual([key, `${key}'`].sort())
  })

  it.each(['', undefined, 7])('refuses the key %j', async (key) => {
    await expect(engine.get(key as string, () => 1)).rejects.toThrow('A cache key is')
  })

  it('refuses options that cannot be', async () => {
    await expect(engine.get('key', () => 1, { ttl: -1 })).rejects.toThrow('The cache option ttl is -1')
    await expect(engine.get('key', () => 1, 0)).rejects.toThrow('ttl is 0')
    await expect(engine.get('key', () => 1, { staleTtl: 'soon' })).rejects.toThrow('staleTtl is "soon"')
    await expect(engine.get('key', () => 1, { jitter: 2 })).rejects.toThrow('jitter is 2')
  })

  it('treats a value that validate refuses as a miss', async () => {
    let loads = 0
    const load = () => ++loads
    expect(await engine.get('key', load, { validate: value => value > 0 })).toBe(1)
    expect(await engine.get('key', load, { validate: value => value > 1 })).toBe(2)
    expect(await engine.get('key', load, { validate: value => value > 1 })).toBe(2)
    expect(await engine.get('other', load, { validate: () => false })).toBe(3)
    expect(await engine.peek('other')).toBeUndefined()
  })

  it('hands a personal value to nobody else, and lets those who wait go at once', async () => {
    let loads = 0
    let release: (() => void) | undefined
    const load = async (context: { uncacheable: () => void }) => {
      const mine = ++loads
      if (mine === 1) {
        context.uncacheable()
        await new Promise<void>((resolve) => {
          release = resolve
        })
      }
      return `load ${mine}`
    }
    const first = engine.get('key', load)
    await waitFor(() => release)
    const others = await Promise.all(Array.from({ length: 5 }, () => engine.get('key', load)))
    expect(new Set(others).size).toBe(5)
    release!()
    expect(await first).toBe('load 1')
    expect(loads).toBe(6)
  })

  it('ends a load at its deadline and tells it so', async () => {
    let signal: AbortSignal | undefined
    const load = (context: { signal: AbortSignal }) => {
      signal = context.signal
      return new Promise<never>(() => {})
    }
    await expect(engine.get('key', load, { timeout: '30ms' })).rejects.toThrow('took longer than 30 ms')
    expect(signal?.aborted).toBe(true)
  })

  it('refreshes early with a chance that grows with the cost of the load', async () => {
    let loads = 0
    const load = async () => {
      await slow(5)
      return ++loads
    }
    const refreshes: Promise<void>[] = []
    const options = { ttl: 60, earlyRefresh: 1e9, waitUntil: (refresh: Promise<void>) => void refreshes.push(refresh) }
    expect(await engine.get('key', load, options)).toBe(1)
    expect(await engine.get('key', load, options)).toBe(1)
    await Promise.all(refreshes)
    expect(loads).toBe(2)
    expect(await engine.get('key', load, 60)).toBe(2)
  })

  it('drops a stale value when its reload says that it is no longer to be stored', async () => {
    const options: CacheOptions<string> = { ttl: '20ms', staleTtl: 60 }
    await engine.get('key', () => 'shared', options)
    await slow(30)
    const personal = (context: { uncacheable: () => void }) => {
      context.uncacheable()
      return 'personal'
    }
    expect(await engine.get('key', personal, options)).toBe('shared')
    await waitFor(async () => await engine.get('key', personal, options) === 'personal')
    expect(await engine.keys('*')).toEqual([])
  })

  it('reports what fails in the background without failing a caller', async () => {
    const errors: unknown[] = []
    const options: CacheOptions<string> = { ttl: '20ms', staleTtl: 60, onRefreshError: error => void errors.push(error) }
    await engine.get('key', () => 'old', options)
    await slow(30)
    const error = new Error('the source is broken')
    const fail = (): string => {
      throw error
    }
    expect(await engine.get('key', fail, options)).toBe('old')
    await waitFor(() => errors.length > 0)
    expect(errors).toEqual([error])
    expect(logged.filter(line => line.includes('"key"'))).toEqual(['Refreshing the cache key "key" failed; its old value is served meanwhile.'])
  })

  it('delivers a value over maxValueSize, does not store it and says so once', async () => {
    let loads = 0
    const sources: CacheSource[] = []
    const options = { onSource: (source: CacheSource) => void sources.push(source), tags: ['tag'] }
    const load = async () => {
      loads++
      await slow(20)
      return 'é'.repeat(MAX_VALUE_SIZE / 2)
    }
    await engine.set('key', 'old')
    for (let round = 1; round <= 3; round++) {
      await engine.invalidate('key')
      const values = await Promise.all(Array.from({ length: 20 }, () => engine.get('key', load, options)))
      expect(values.every(value => value.length === MAX_VALUE_SIZE / 2)).toBe(true)
      expect(loads).toBe(round)
    }
    expect(new Set(sources)).toEqual(new Set(['uncacheable']))
    expect(await engine.keys('*')).toEqual([])
    expect(logged).toEqual([expect.stringMatching(/^The value of the cache key "key" takes 10002 bytes and is not stored, because scale\.cache\.maxValueSize is 10000: .*\.$/)])
    await engine.set('key', 'old')
    expect(await engine.set('key', 'x'.repeat(MAX_VALUE_SIZE))).toBe(false)
    expect(await engine.peek('key')).toBeUndefined()
    expect(await engine.get('other', () => 'x'.repeat(MAX_VALUE_SIZE - 2))).toHaveLength(MAX_VALUE_SIZE - 2)
    expect(await engine.keys('*')).toEqual(['other'])
    expect(logged).toHaveLength(1)
  })

  it('drops a stale value whose reload has grown over maxValueSize', async () => {
    const options = { ttl: '20ms', staleTtl: 60 }
    await engine.get('key', () => 'old', options)
    await slow(30)
    const load = () => 'x'.repeat(MAX_VALUE_SIZE)
    expect(await engine.get('key', load, options)).toBe('old')
    await waitFor(async () => await engine.get('key', load, options) !== 'old')
  })

  it('logs the error of a load for which an old value stands in', async () => {
    const options = { ttl: '20ms', staleIfError: 60 }
    await engine.get('key', () => 'old', options)
    await slow(30)
    const fail = (): string => {
      throw new Error('the source is broken')
    }
    for (let call = 0; call < 3; call++) expect(await engine.get('key', fail, options)).toBe('old')
    expect(logged).toEqual(['Loading the cache key "key" failed; its old value is served meanwhile.'])
  })
})

describe('in development', () => {
  it('freezes what the cache hands out and warns about values that change when stored', async () => {
    const engine = startEmbeddedCache({}, { development: true })
    const value = await engine.get('key', () => ({ inner: { when: new Date(0) } }))
    expect(Object.isFrozen(value.inner)).toBe(true)
    expect(engine.logged.join()).toContain('devalue')
  })
})

describe('options that do not exist', () => {
  const unknown = { forceFresh: true } as object
  const calls: Record<string, (engine: CacheEngine) => Promise<unknown>> = {
    'get': engine => engine.get('key', () => 1, { ttl: 60, ...unknown }),
    'get with a string': engine => engine.get('key', () => 1, '60' as never),
    'peek': engine => engine.peek('key', unknown),
    'set': engine => engine.set('key', 1, unknown),
    'invalidate': engine => engine.invalidate('other', unknown),
    'invalidatePattern': engine => engine.invalidatePattern('other*', unknown),
    'invalidateTags': engine => engine.invalidateTags('other', unknown),
    'keys': engine => engine.keys('other*', unknown),
    'cacheWithRedis': () => cacheWithRedis('key', () => 1, unknown),
    'invalidateCache': () => invalidateCache('other', unknown),
    'invalidateCachePattern': () => invalidateCachePattern('other*', unknown),
    'invalidateCacheTags': () => invalidateCacheTags('other', unknown),
    'invalidateCache with a scope': () => invalidateCache('other', { scope: '*' } as object),
  }

  it.each(Object.entries(calls))('are refused by %s in development, also when L1 holds the value, and ignored in production', async (name, call) => {
    for (const development of [true, false]) {
      const engine = startEmbeddedCache({}, { development })
      cacheService.provide({ engine, settings: cacheSettings.resolveGiven({}) })
      await engine.get('key', () => 1)
      const sentence = name.endsWith('string') ? /must be an object: .* takes / : /^The cache option \w+ does not exist: .* takes .*\.$/
      if (development) await expect(call(engine)).rejects.toThrow(sentence)
      else await call(engine)
    }
  })
})

describe('between processes', () => {
  let processes: CacheProcess[]

  beforeEach(async () => {
    await redis.client().flushall()
    processes = await Promise.all(Array.from({ length: 4 }, () => startCacheProcess({ redis: { url: redis.url }, cache: { jitter: 0 } })))
  })

  afterEach(async () => {
    expect(await keysWithoutExpiry(redis)).toEqual([])
    await Promise.all(processes.map(process => process.close()))
  })

  it('values of 60 MB do not look like an outage of Redis', async () => {
    const large = { text: 'x'.repeat(60 * 1024 ** 2) }
    const changes: boolean[] = []
    for (const { connection } of processes) connection.onAvailability(available => void changes.push(available))
    await processes[1]!.engine.get('small', () => 'small')
    const answers = processes.flatMap(({ engine }, index) => [
      ...index > 1 ? [] : [engine.get('large', () => large).then(({ text }) => text.length)],
      ...Array.from({ length: 20 }, (_, count) => engine.get(`small:${count}`, () => 'small')),
    ])
    expect(new Set(await Promise.all(answers))).toEqual(new Set([large.text.length, 'small']))
    expect(await processes[0]!.engine.get('small', () => 'other')).toBe('small')
    expect(changes).toEqual([])
    expect(await processes[0]!.engine.keys('large*')).toEqual([])
    for (const { logged } of processes) expect(logged.length).toBeLessThanOrEqual(1)
  })

  it('a cold stampede loads once', async () => {
    let loads = 0
    const load = async () => {
      loads++
      await slow(200)
      return 'value'
    }
    const values = await Promise.all(processes.flatMap(({ engine }) => Array.from({ length: 200 }, () => engine.get('key', load))))
    expect(values).toHaveLength(800)
    expect(new Set(values)).toEqual(new Set(['value']))
    expect(loads).toBe(1)
  })

  it('a cold stampede loads once when the load names its tags itself', async () => {
    let loads = 0
    const load = async (context: { addTags: (tags: string[]) => void }) => {
      loads++
      await slow(50)
      context.addTags(['late'])
      await slow(50)
      return 'value'
    }
    await Promise.all(processes.flatMap(({ engine }) => Array.from({ length: 50 }, () => engine.get('key', load))))
    expect(loads).toBe(1)
  })

  it('an expired value is reloaded once while everybody is served the old one', async () => {
    let loads = 0
    const load = async () => {
      await slow(100)
      return ++loads
    }
    const options = { ttl: '200ms', staleTtl: 60 }
    for (const { engine } of processes) await engine.get('key', load, options)
    expect(loads).toBe(1)
    await slow(250)
    const values = await Promise.all(processes.flatMap(({ engine }) => Array.from({ length: 200 }, () => engine.get('key', load, options))))
    expect(new Set(values)).toEqual(new Set([1]))
    await waitFor(async () => (await Promise.all(processes.map(({ engine }) => engine.get('key', load, { ttl: 60, staleTtl: 60 })))).every(value => value === 2))
    expect(loads).toBe(2)
  })

  it('a failing load fails once in each process, in parallel', async () => {
    let loads = 0
    const load = async () => {
      loads++
      await slow(50)
      throw new Error('the source is broken')
    }
    const results = await Promise.allSettled(processes.flatMap(({ engine }) => Array.from({ length: 50 }, () => engine.get('key', load))))
    expect(results.every(({ status }) => status === 'rejected')).toBe(true)
    expect(loads).toBeLessThanOrEqual(4)
  })

  it('concurrent callers of something uncacheable do not queue', async () => {
    let running = 0
    let most = 0
    const load = async (context: { uncacheable: () => void }) => {
      most = Math.max(most, ++running)
      await slow(100)
      running--
      context.uncacheable()
      return 'personal'
    }
    await processes[0]!.engine.get('key', load)
    most = 0
    await Promise.all(Array.from({ length: 40 }, (_, index) => processes[index % 4]!.engine.get('key', load)))
    expect(most).toBe(40)
  })

  it('a caller with a soft timeout takes the old value instead of waiting for another process', async () => {
    const options = { ttl: '20ms', staleIfError: 60, softTimeout: '20ms' }
    let release: (() => void) | undefined
    await processes[0]!.engine.get('key', () => 'old', options)
    await slow(30)
    const loading = processes[0]!.engine.get('key', () => new Promise<string>((resolve) => {
      release = () => resolve('new')
    }), options)
    await waitFor(() => release)
    expect(await processes[1]!.engine.get('key', () => 'not this', options)).toBe('old')
    release!()
    expect(await loading).toBe('new')
  })

  it('a load whose process dies is taken over when its lease ends', async () => {
    await redis.client().set('scale:lease:{key}', 'k3v9x0aa00000012', 'PX', 300)
    expect(await processes[0]!.engine.get('key', () => 'taken over')).toBe('taken over')
  })

  it.each(['key', 'pattern', 'tag'])('an invalidation by %s is seen by all', async (way) => {
    let version = 0
    const read = () => Promise.all(processes.map(({ engine }) => engine.get('key', () => version, { tags: ['tag'] })))
    expect(await read()).toEqual([0, 0, 0, 0])
    for (version = 1; version <= 20; version++) {
      const { engine } = processes[version % 4]!
      if (way === 'key') await engine.invalidate('key')
      else if (way === 'tag') await engine.invalidateTags('tag')
      else await engine.invalidatePattern('k?y')
      expect(await engine.get('key', () => version, { tags: ['tag'] })).toBe(version)
      await waitFor(async () => (await read()).every(value => value === version))
    }
  })

  it('a value another process wrote in another form is a miss', async () => {
    await redis.client().set('scale:cache:{key}', 'not ours', 'PX', 60_000)
    expect(await processes[0]!.engine.get('key', () => 'loaded')).toBe('loaded')
    expect(await processes[1]!.engine.get('key', () => 'again')).toBe('loaded')
    await processes[0]!.engine.get('damaged', () => 'whole')
    await redis.client().append('scale:cache:{damaged}', '}')
    expect(await processes[1]!.engine.get('damaged', () => 'mended')).toBe('mended')
    expect(await processes[2]!.engine.get('damaged', () => 'again')).toBe('mended')
    await processes[0]!.engine.get('rich', () => 1, { serializer: 'devalue' })
    expect(await processes[1]!.engine.get('rich', () => 2)).toBe(2)
  })
})
