import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCacheProcess } from '../support/cache'
import type { CacheProcess } from '../support/cache'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'

let redis: RedisServer
let one: CacheProcess
let two: CacheProcess

beforeAll(async () => {
  redis = await startRedis()
  one = await startCacheProcess({ redis: { url: redis.url } })
  two = await startCacheProcess({ redis: { url: redis.url } })
})

afterAll(async () => {
  await one?.close()
  await two?.close()
  await redis?.stop()
})

describe('a value', () => {
  it('is loaded once, then comes from L1, and from L2 in another process', async () => {
    const sources: string[] = []
    let loads = 0
    const load = () => ({ loads: ++loads })
    const options = { onSource: (source: string) => void sources.push(source) }
    expect(await one.engine.get('a', load, options)).toEqual({ loads: 1 })
    expect(await one.engine.get('a', load, options)).toEqual({ loads: 1 })
    expect(await two.engine.get('a', load, options)).toEqual({ loads: 1 })
    expect(sources).toEqual(['loader', 'l1', 'l2'])
  })
})
