import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startCacheProcess } from '../support/cache'
import type { CacheProcess } from '../support/cache'
import { keysWithoutExpiry } from '../support/redis'
import { startRedisCluster } from '../support/redis-cluster'
import type { RedisCluster } from '../support/redis-cluster'
import { waitFor } from '../support/wait'

let cluster: RedisCluster
let one: CacheProcess
let two: CacheProcess

beforeAll(async () => {
  cluster = await startRedisCluster({ masters: 3 })
})

afterAll(async () => {
  await cluster?.stop()
})

beforeEach(async () => {
  // 300 cold loads at once, with three servers on the same cores, may take longer than the default budget.
  const redis = { cluster: cluster.startupNodes.map(({ host, port }) => ({ host, port })), commandTimeout: '2s' }
  one = await startCacheProcess({ redis })
  two = await startCacheProcess({ redis })
})

afterEach(async () => {
  for (const node of cluster.nodes) {
    expect(await keysWithoutExpiry(node)).toEqual([])
    await node.client().flushall()
  }
  await one.close()
  await two.close()
})

const keys = Array.from({ length: 300 }, (_, index) => `key:${index}`)

describe('on a Cluster of three masters', () => {
  it('values, tags and keys live on all of them', async () => {
    await Promise.all(keys.map(key => one.engine.get(key, () => key, { tags: [`of ${key}`, 'all'] })))
    expect(await Promise.all(keys.map(key => two.engine.get(key, () => 'other', { tags: ['all'] })))).toEqual(keys)
    expect((await two.engine.keys('key:*')).sort()).toEqual([...keys].sort())
    for (const node of cluster.nodes) expect(await node.client().dbsize()).toBeGreaterThan(50)
  })

  it.each(['key', 'pattern', 'tag'])('an invalidation by %s reaches every node and every process', async (way) => {
    let version = 1
    const read = ({ engine }: CacheProcess) => Promise.all(keys.map(key => engine.get(key, () => version, { tags: ['all'] })))
    await read(one)
    await read(two)
    version = 2
    if (way === 'key') await one.engine.invalidate(keys)
    else if (way === 'tag') await one.engine.invalidateTags('all')
    else expect(await one.engine.invalidatePattern('key:*')).toBe(300)
    expect((await read(one)).filter(found => found !== 2)).toEqual([])
    await waitFor(async () => (await read(two)).every(found => found === 2))
  })

  it('a pattern leaves no key while slots move', async () => {
    await Promise.all(keys.map(key => one.engine.get(key, () => key)))
    const slots = await Promise.all(keys.slice(0, 20).map(key => cluster.slotOf(`scale:cache:{${key}}`)))
    const moving = (async () => {
      for (const slot of slots) await cluster.moveSlot(slot, (await cluster.slotOwner(slot) + 1) % 3)
    })()
    await one.engine.invalidatePattern('key:*', { strict: true })
    await moving
    // Slots that moved behind the sweep's back are found by the next one: nothing may be left then.
    await one.engine.invalidatePattern('key:*', { strict: true })
    expect(await two.engine.keys('*')).toEqual([])
  })

  it('an invalidation during a load wins', async () => {
    let old = 0
    await Promise.all(keys.map(async (key) => {
      let source = 'old'
      await one.engine.get(key, async () => {
        const read = source
        source = 'new'
        await two.engine.invalidate(key, { strict: true })
        return read
      })
      for (const { engine } of [one, two]) {
        if (await engine.get(key, () => source) === 'old') old++
      }
    }))
    expect(old).toBe(0)
  })

  it('goes on when the node that carries the messages is lost', async () => {
    expect(one.engine.live).toBe(true)
    await cluster.nodes[0]!.pause()
    try {
      // Its slots are unreachable; requests are answered all the same.
      expect(await Promise.all(keys.slice(0, 30).map(key => one.engine.get(key, () => key)))).toEqual(keys.slice(0, 30))
    }
    finally {
      await cluster.nodes[0]!.resume()
    }
    await waitFor(() => one.engine.live && one.connection.available, { timeout: 20_000 })
    await waitFor(async () => {
      await one.engine.get('back', () => 'value')
      return (await two.engine.keys('back')).length === 1
    }, { timeout: 10_000 })
  })
})
