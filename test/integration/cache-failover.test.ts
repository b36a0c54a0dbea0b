import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { startCacheProcess } from '../support/cache'
import type { CacheProcess } from '../support/cache'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { startRedisSentinel } from '../support/redis-sentinel'
import { waitFor } from '../support/wait'

/** `FAILOVERS=20` plays more of them by hand. */
const FAILOVERS = Number(process.env.FAILOVERS ?? 3)
/** ms after which an invalidation that Redis confirmed binds every reader, whatever happens. */
const WORST_DELAY = 3000
const KEYS = Array.from({ length: 60 }, (_, index) => `key:${index}`)
/** Keys whose last invalidation the replica does not get. */
const LOST = KEYS.slice(0, 30)
/** ms for which the load goes on with the new master. */
const AFTERMATH = 3000

interface Source { version: number, confirmed: { version: number, at: number }[] }

/** Readers and writers on some processes, and what the readers got. */
class Load {
  reads = 0
  stale: string[] = []
  /** Reads that no loader had to answer. */
  hits = 0
  readonly #processes: CacheProcess[]
  readonly #sources = new Map<string, Source>(KEYS.map(key => [key, { version: 1, confirmed: [] }]))
  readonly #running: Promise<void>[]
  #stopped = false

  constructor(processes: CacheProcess[]) {
    this.#processes = processes
    this.#running = processes.flatMap(({ engine }) => [this.#read(engine, 0), this.#read(engine, 7)])
  }

  /** Changes the source of a key and invalidates it, by its name, a tag or a pattern. */
  async change(key: string, by: number): Promise<void> {
    const { engine } = this.#processes[by % this.#processes.length]!
    const source = this.#sources.get(key)!
    const version = ++source.version
    try {
      if (by % 3 === 0) await engine.invalidate(key, { strict: true })
      else if (by % 3 === 1) await engine.invalidateTags(`of ${key}`, { strict: true })
      else await engine.invalidatePattern(`${key}`, { strict: true })
      source.confirmed.push({ version, at: performance.now() })
    }
    catch { /* not confirmed: it is sent when Redis is back */ }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#running)
  }

  async #read(engine: CacheProcess['engine'], from: number): Promise<void> {
    for (let turn = from; !this.#stopped; turn++) {
      const key = KEYS[turn % KEYS.length]!
      const source = this.#sources.get(key)!
      const began = performance.now()
      const required = Math.max(0, ...source.confirmed.filter(({ at }) => at < began - WORST_DELAY).map(({ version }) => version))
      let loaded = false
      const version = await engine.get(key, async () => {
        loaded = true
        const read = source.version
        await sleep(1)
        return read
      }, { ttl: 600, tags: [`of ${key}`] })
      this.reads++
      if (!loaded) this.hits++
      if (version < required) this.stale.push(`${key}: ${version} instead of ${required}, ${Math.round(began)}`)
      if (turn % 5 === 0) await sleep(1)
    }
  }
}

describe.concurrent('a replica that becomes the master without the last invalidations', () => {
  it.each(Array.from({ length: FAILOVERS }, (_, index) => index))('serves none of what they deleted (%i)', async () => {
    const group = await startRedisSentinel()
    const redis = { sentinels: group.sentinels, name: group.name }
    const processes = await Promise.all(Array.from({ length: 3 }, () => startCacheProcess({ redis, cache: { jitter: 0 } })))
    try {
      const old = await group.master()
      const load = new Load(processes)
      for (let count = 0; count < 60; count++) await load.change(KEYS[count % KEYS.length]!, count)
      await waitFor(() => load.hits > 500, { timeout: 20_000 })
      await loseReplication(old, group.servers.find(server => server !== old)!)
      // At once: Sentinel promotes no replica that was without its master for long.
      await Promise.all(LOST.map((key, index) => load.change(key, index)))
      await old.kill()
      await group.waitForNewMaster(old)
      await waitFor(() => processes.every(({ engine, connection }) => connection.available && engine.live), { timeout: 20_000 })
      await sleep(AFTERMATH)
      const { hits } = load
      await waitFor(() => load.hits > hits + 500, { timeout: 20_000, message: 'the cache to be used again' })
      await load.stop()
      if (process.env.SHOW) console.log(JSON.stringify({ reads: load.reads, hits: load.hits, stale: load.stale.length }))
      expect(load.stale).toEqual([])
    }
    finally {
      await Promise.all(processes.map(({ close }) => close()))
      await group.stop()
    }
  }, FAILOVERS * 120_000)
})

/** From here on the replica gets nothing any more, and the master answers as before. */
async function loseReplication(master: RedisServer, replica: RedisServer): Promise<void> {
  await replica.client().config('SET', 'masterauth', 'not the password')
  await master.client().call('CLIENT', 'KILL', 'TYPE', 'replica')
  await waitFor(async () => (await replica.client().info('replication')).includes('master_link_status:down'), { message: 'the replica to lose its master' })
}

it('a server that starts again with what it saved before an invalidation serves nothing of it', async () => {
  const redis = await startRedis()
  const [writer, reader] = await Promise.all([startCacheProcess({ redis: { url: redis.url } }), startCacheProcess({ redis: { url: redis.url } })])
  try {
    expect(await reader.engine.get('key', () => 'old')).toBe('old')
    await redis.client().save()
    await writer.engine.invalidate('key', { strict: true })
    // With the process goes what could be sent again.
    await writer.close()
    await redis.restart()
    expect(await redis.client().exists('scale:cache:{key}')).toBe(1)
    await waitFor(() => reader.connection.available && reader.engine.live, { timeout: 10_000 })
    expect(await reader.engine.get('key', () => 'new')).toBe('new')
    expect(await reader.engine.peek('key')).toBe('new')
  }
  finally {
    await reader.close()
    await redis.stop()
  }
})

it('a server that does not tell which master it is serves entries all the same', async () => {
  const redis = await startRedis()
  await redis.client().call('ACL', 'SETUSER', 'default', '-info')
  const [one, two] = await Promise.all([startCacheProcess({ redis: { url: redis.url } }), startCacheProcess({ redis: { url: redis.url } })])
  try {
    await one.engine.get('key', () => 'stored')
    expect(await two.engine.get('key', () => 'loaded again')).toBe('stored')
  }
  finally {
    await Promise.all([one.close(), two.close()])
    await redis.stop()
  }
})

it('a connection that breaks and comes back to the same master costs no entry', async () => {
  const redis = await startRedis()
  const cache = await startCacheProcess({ redis: { url: redis.url }, cache: { l1: false } })
  try {
    await cache.engine.get('key', () => 'kept')
    let lost = 0
    cache.connection.onAvailability(available => available || lost++)
    await redis.client().call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await waitFor(() => lost > 0 && cache.connection.available)
    await waitFor(async () => await cache.engine.peek('key') === 'kept')
  }
  finally {
    await cache.close()
    await redis.stop()
  }
})
