import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildFixture, startNuxt } from '../support/nuxt.ts'
import type { NuxtInstance } from '../support/nuxt.ts'
import { startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'

const fixture = new URL('../fixtures/nitro-cache', import.meta.url).pathname

interface Variant {
  redis: RedisServer
  client: Redis
  /** Two instances on one Redis. */
  instances: [NuxtInstance, NuxtInstance]
}

async function start(isPlain: boolean): Promise<Variant> {
  const output = await buildFixture(fixture, isPlain
    ? { env: { PLAIN_NITRO: '1' }, buildDir: '.nuxt/plain', outputDir: '.output/plain' }
    : { buildDir: '.nuxt/scale', outputDir: '.output/scale' })
  const redis = await startRedis()
  const env = isPlain ? { PLAIN_REDIS_URL: redis.url } : { NUXT_SCALE_REDIS_URL: redis.url }
  const instances = await Promise.all([startNuxt(output, { env }), startNuxt(output, { env })])
  return { redis, client: redis.client(), instances }
}

async function stop(variant: Variant | undefined): Promise<void> {
  await Promise.all(variant?.instances.map(instance => instance.stop()) ?? [])
  await variant?.redis.stop()
}

const json = async (instance: NuxtInstance, path: string) => await (await instance.fetch(path)).json() as Record<string, unknown>

/** Requests until the stored response arrives: plain Nitro writes behind the answer. */
async function warm(instance: NuxtInstance, client: Redis, path: string): Promise<void> {
  await (await instance.fetch(path)).arrayBuffer()
  await expect.poll(() => client.dbsize()).toBeGreaterThan(0)
}

async function ages(client: Redis): Promise<number[]> {
  return Promise.all((await client.keys('*')).map(key => client.ttl(key)))
}

let plain: Variant
let scale: Variant

beforeAll(async () => {
  plain = await start(true)
  scale = await start(false)
})

afterAll(async () => {
  await stop(plain)
  await stop(scale)
})

beforeEach(async () => {
  await plain.client.flushall()
  await Promise.all(['route:*', 'function:*'].map(pattern => scale.instances[0].fetch(`/api/invalidate?pattern=${encodeURIComponent(pattern)}`, { method: 'POST' })))
})

describe('faults of Nitro 2, there without the module and gone with it', () => {
  it('no TTL under swr', async () => {
    await warm(plain.instances[0], plain.client, '/api/swr')
    expect(await ages(plain.client)).toContain(-1)
    await warm(scale.instances[0], scale.client, '/api/swr')
    expect(await scale.client.keys('scale:cache:*')).not.toEqual([])
    expect(await ages(scale.client)).not.toContain(-1)
  })

  it('staleMaxAge ignored', async () => {
    await Promise.all([plain, scale].map(({ instances, client }) => warm(instances[0], client, '/api/stale')))
    const first = await Promise.all([plain, scale].map(({ instances }) => json(instances[0], '/api/stale')))
    // Fresh 1 s, stale 1 s, jitter: over after 2.1 s at the latest. Time itself is what is awaited.
    await delay(2500)
    const last = await Promise.all([plain, scale].map(({ instances }) => json(instances[0], '/api/stale')))
    expect(last[0]!.run).toBe(first[0]!.run)
    expect(last[1]!.run).not.toBe(first[1]!.run)
  })

  it('colliding keys', async () => {
    const prices = async ({ instances, client }: Variant) => {
      await warm(instances[0], client, '/api/price?sku=1234%7C56')
      await expect.poll(async () => (await client.keys('*price*')).length).toBe(1)
      return [await json(instances[0], '/api/price?sku=1234%7C56'), await json(instances[0], '/api/price?sku=12%7C3456')].map(({ price }) => price)
    }
    expect(await prices(plain)).toEqual(['1234|56', '1234|56'])
    expect(await prices(scale)).toEqual(['1234|56', '12|3456'])
  })

  it('corrupted binary bodies', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
    // The second instance reads what the first one stored.
    const stored = async ({ instances, client }: Variant) => {
      await warm(instances[0], client, '/api/binary')
      return Buffer.from(await (await instances[1].fetch('/api/binary')).arrayBuffer())
    }
    expect(await stored(plain)).not.toEqual(bytes)
    expect(await stored(scale)).toEqual(bytes)
  })

  it('chunks lost that a handler writes itself', async () => {
    // Plain Nitro keeps nothing of Buffers, takes that for no answer, and the request goes to the next handler.
    expect(await (await plain.instances[0].fetch('/api/written')).text()).not.toBe('one two three')
    for (const instance of scale.instances) expect(await (await instance.fetch('/api/written')).text()).toBe('one two three')
  })

  it('one load a process', async () => {
    const runs = async ({ instances }: Variant) => {
      const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => json(instances[index % 2]!, '/api/slow')))
      return new Set(answers.map(({ run }) => run)).size
    }
    expect(await runs(plain)).toBe(2)
    expect(await runs(scale)).toBe(1)
  })

  it('no invalidation', async () => {
    await warm(plain.instances[0], plain.client, '/api/tagged')
    const old = await json(plain.instances[0], '/api/tagged')
    await plain.instances[0].fetch('/api/invalidate', { method: 'POST' })
    expect(await json(plain.instances[0], '/api/tagged')).toEqual(old)

    const shown = await json(scale.instances[1], '/api/tagged')
    expect(await json(scale.instances[0], '/api/tagged')).toEqual(shown)
    await scale.instances[0].fetch('/api/invalidate?tag=products', { method: 'POST' })
    expect(await json(scale.instances[0], '/api/tagged')).not.toEqual(shown)
    await expect.poll(() => json(scale.instances[1], '/api/tagged')).toEqual(await json(scale.instances[0], '/api/tagged'))
  })

  it('a 304 with another Cache-Control than the 200', async () => {
    const controls = async ({ instances, client }: Variant) => {
      await warm(instances[0], client, '/api/swr')
      const full = await instances[0].fetch('/api/swr')
      const spared = await instances[0].fetch('/api/swr', { headers: { 'if-none-match': full.headers.get('etag')! } })
      expect(spared.status).toBe(304)
      return [full.headers.get('cache-control'), spared.headers.get('cache-control')]
    }
    const [full, spared] = await controls(plain)
    expect(spared).not.toBe(full)
    expect(await controls(scale)).toEqual(['max-age=0, s-maxage=60', 'max-age=0, s-maxage=60'])
  })

  it('If-Modified-Since over If-None-Match', async () => {
    const status = async ({ instances, client }: Variant) => {
      await warm(instances[0], client, '/api/swr')
      const headers = { 'if-none-match': '"other"', 'if-modified-since': new Date(Date.now() + 60_000).toUTCString() }
      return (await instances[0].fetch('/api/swr', { headers })).status
    }
    expect(await status(plain)).toBe(304)
    expect(await status(scale)).toBe(200)
  })
})

describe('the cache of the app', () => {
  it('is one for both instances, and says where a response came from', async () => {
    const sources = []
    for (const instance of [scale.instances[0], scale.instances[0], scale.instances[1], scale.instances[1]]) {
      sources.push(/detail=(\w+)/.exec((await instance.fetch('/api/swr')).headers.get('cache-status') ?? '')?.[1])
    }
    expect(sources).toEqual(['loader', 'l1', 'l2', 'l1'])
  })

  it('takes tags, allowQuery and bypass from route rules', async () => {
    const [one, two] = scale.instances
    const first = await json(one, '/api/ruled?utm_source=x&page=1')
    expect(first.path).toBe('/api/ruled?page=1')
    expect(await json(two, '/api/ruled?page=1')).toEqual(first)
    expect((await one.fetch('/api/ruled?page=1', { headers: { cookie: 'session=1' } })).headers.get('cache-status')).toBeNull()
    await one.fetch('/api/invalidate?tag=ruled', { method: 'POST' })
    expect(await json(one, '/api/ruled?page=1')).not.toEqual(first)
  })

  it('has readable keys for keys and patterns', async () => {
    const [one] = scale.instances
    const first = await json(one, '/api/swr')
    await one.fetch('/api/invalidate?key=route:/api/swr', { method: 'POST' })
    const second = await json(one, '/api/swr')
    expect(second).not.toEqual(first)
    expect(await (await one.fetch('/api/invalidate?pattern=route:/api/s*', { method: 'POST' })).json()).toEqual({ deleted: 1 })
    expect(await json(one, '/api/swr')).not.toEqual(second)
  })

  it('keeps pages under their build, and finds them by the tags their rendering set', async () => {
    const [one] = scale.instances
    const run = async () => /<p>run=([^.]+)/.exec(await (await one.fetch('/page/a')).text())![1]
    const first = await run()
    expect(await run()).toBe(first)
    expect((await scale.client.keys('scale:cache:*'))).toContainEqual(expect.stringMatching(/route:\/page\/a#build=[\w-]+\}$/))
    await one.fetch('/api/invalidate?tag=pages', { method: 'POST' })
    expect(await run()).not.toBe(first)
  })

  it('holds functions however they are imported', async () => {
    const [one, two] = scale.instances
    const first = await json(one, '/api/functions?id=7')
    expect(await json(two, '/api/functions?id=7')).toEqual(first)
    expect((await scale.client.keys('scale:cache:*')).sort()).toEqual(['scale:cache:{function:auto:"7"}', 'scale:cache:{function:explicit:"7"}'])
  })

  it('hands no cookie to another visitor, and lets nobody wait for a personal response', async () => {
    const responses = await Promise.all(Array.from({ length: 40 }, (_, index) => scale.instances[index % 2]!.fetch('/api/personal')))
    const cookies = responses.map(response => response.headers.getSetCookie().join())
    expect(new Set(cookies).size).toBe(40)
    expect(cookies.every(cookie => cookie.startsWith('session='))).toBe(true)
    expect(await scale.client.keys('scale:cache:*')).toEqual([])
  })

  it('prerenders cached pages without any server', async () => {
    expect(await (await scale.instances[0].fetch('/prerendered')).text()).toMatch(/<p>run=[\w-]{36}/)
  })
})
