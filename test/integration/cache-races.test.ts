import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CacheEngine, LoadContext } from '../../src/runtime/server/cache/types'
import { startCacheProcess, startEmbeddedCache } from '../support/cache'
import { keysWithoutExpiry, startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'

const TRIES = 1000
let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})

afterAll(async () => {
  await redis?.stop()
})

describe.each(['embedded', 'on Redis'])('an invalidation during a load, %s', (kind) => {
  let reader: CacheEngine
  let writer: CacheEngine
  let closers: (() => Promise<void>)[] = []

  beforeEach(async () => {
    if (kind === 'embedded') {
      reader = writer = startEmbeddedCache()
      return
    }
    await redis.client().flushall()
    const processes = [await startCacheProcess({ redis: { url: redis.url } }), await startCacheProcess({ redis: { url: redis.url } })]
    ;[reader, writer] = processes.map(({ engine }) => engine) as [CacheEngine, CacheEngine]
    closers = processes.map(process => process.close)
  })

  afterEach(async () => {
    if (kind !== 'embedded') expect(await keysWithoutExpiry(redis)).toEqual([])
    for (const close of closers) await close()
    closers = []
  })

  /**
   * Reads the source, lets somebody else change it and invalidate, and only then returns what was read.
   * Returns what the cache says afterwards, in both processes.
   */
  async function race(key: string, tags: { named?: string, late?: string }, invalidate: () => Promise<unknown>): Promise<string[]> {
    let source = 'old'
    await reader.get(key, async (context: LoadContext) => {
      const read = source
      source = 'new'
      await invalidate()
      if (tags.late) context.addTags([tags.late])
      return read
    }, { tags: tags.named ? [tags.named] : [] })
    return Promise.all([reader, writer].map(engine => engine.get(key, () => source)))
  }

  it.each([
    ['key', {}, (key: string) => writer.invalidate(key, { strict: true })],
    ['pattern', {}, (key: string) => writer.invalidatePattern(`${key}*`, { strict: true })],
    ['tag', { named: 'tag' }, () => writer.invalidateTags('tag', { strict: true })],
    ['tag that is named during the load', { late: 'tag' }, () => writer.invalidateTags('tag', { strict: true })],
  ])(`by %s wins ${TRIES} times of ${TRIES}`, async (way, tags, invalidate) => {
    // A pattern walks the keyspace, so its tries keep few keys there.
    const width = way === 'pattern' ? 10 : 50
    let old = 0
    for (let start = 0; start < TRIES; start += width) {
      const answers = await Promise.all(Array.from({ length: width }, (_, index) => {
        const key = `${way}:${start + index}.`
        const own = Object.fromEntries(Object.entries(tags).map(([name, tag]) => [name, `${tag}:${start + index}`]))
        const tag = Object.values(own)[0]
        return race(key, own, tag ? () => writer.invalidateTags(tag, { strict: true }) : () => invalidate(key))
      }))
      old += answers.flat().filter(answer => answer !== 'new').length
      if (way === 'pattern') await writer.invalidatePattern('*')
    }
    expect(old).toBe(0)
  })

  it('a pattern that races 300 loads leaves no old value', async () => {
    const versions = new Map<string, number>()
    const keys = Array.from({ length: 300 }, (_, index) => `raced:${index}`)
    const load = (key: string) => async () => {
      const version = versions.get(key) ?? 0
      await new Promise(resolve => setTimeout(resolve, Math.random() * 20))
      return version
    }
    const loads = keys.map(async (key) => {
      await new Promise(resolve => setTimeout(resolve, Math.random() * 20))
      return reader.get(key, load(key))
    })
    await new Promise(resolve => setTimeout(resolve, 10))
    for (const key of keys) versions.set(key, 1)
    await writer.invalidatePattern('raced:*', { strict: true })
    await Promise.all(loads)
    const after = await Promise.all(keys.flatMap(key => [reader, writer].map(engine => engine.get(key, load(key)))))
    expect(after.filter(version => version !== 1)).toEqual([])
  })
})
