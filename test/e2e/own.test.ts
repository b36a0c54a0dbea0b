import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildFixture, readBuildLog, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'

let output: string
let redis: RedisServer
const instances: NuxtInstance[] = []

beforeAll(async () => {
  output = await buildFixture('test/fixtures/own')
  redis = await startRedis()
})

afterAll(async () => {
  await Promise.all(instances.map(instance => instance.kill()))
  await redis?.stop()
})

async function start(env: NodeJS.ProcessEnv = {}): Promise<NuxtInstance> {
  const instance = await startNuxt(output, { env: { DATABASE_URL: 'postgresql://127.0.0.1:1/none', REDIS_URL: redis.url, ...env } })
  instances.push(instance)
  return instance
}

const read = async (app: NuxtInstance, path: string) => await (await app.fetch(path)).json() as Record<string, unknown>

describe('what the app wrote itself', () => {
  it('answers in place of the routes of the module, and one line of the build names the option that moves those', async () => {
    const app = await start()
    expect(await read(app, '/api/health')).toEqual({ mine: 'health' })
    expect(await read(app, '/api/health/live')).toEqual({ mine: 'live' })
    expect(await read(app, '/api/health/startup')).toEqual({ mine: 'startup' })
    expect(Object.keys(await read(app, '/api/health/ready'))).toEqual(['status', 'timestamp'])
    // HEAD is not answered by the module where GET is answered by the app.
    expect((await app.fetch('/api/health', { method: 'HEAD' })).headers.get('content-type')).not.toBe('application/health+json')
    const lines = (await readBuildLog(output)).filter(line => line.includes('scale.health.path'))
    expect(lines).toEqual([expect.stringMatching(/server\/api\/health\.get\.ts answers \/api\/health;.*health\/live\.ts answers \/api\/health\/live;.*startup/)])
  })

  it('stays mounted under the names of the module, and one line each names the option that moves the module\'s', async () => {
    const app = await start()
    expect(await read(app, '/api/mounts')).toEqual({ 'redis': 'lru-cache', 'cache': 'lru-cache', 'scale-redis': 'memory' })
    const lines = app.logs().filter(line => line.includes('is a mount of the app'))
    expect(lines).toEqual([expect.stringContaining('set scale.storage.redis to another name'), expect.stringContaining('set scale.storage.cache to false')])
    const both = await start({ NUXT_SCALE_STORAGE_REDIS: 'scale-redis', NUXT_SCALE_STORAGE_CACHE: 'false' })
    expect(await read(both, '/api/mounts')).toEqual({ 'redis': 'lru-cache', 'cache': 'lru-cache', 'scale-redis': 'nuxt-scale-redis' })
    expect(both.logs().join('\n')).not.toContain('is a mount of the app')
  })

  it('is told once where useStorage() answers from memory, because Redis is not configured', async () => {
    const said = (app: NuxtInstance) => app.logs().filter(line => line.includes('keeps its entries in the memory of this process')).length
    const apps = await Promise.all([{ NUXT_SCALE_STORAGE_REDIS: 'scale-redis' }, { NUXT_SCALE_STORAGE_REDIS: 'false' }, {}].map(env => start({ REDIS_URL: undefined, ...env })))
    // The last one keeps its own mount.
    expect(apps.map(said)).toEqual([1, 0, 0])
  })
})

it('a database without an address stops the boot with one sentence', async () => {
  await expect(start({ DATABASE_URL: undefined })).rejects
    .toThrow(/Error: scale\.database has no address: set NUXT_SCALE_DATABASE_URL \(or DATABASE_URL\) where the server starts, or write url: false if/)
  const app = await start({ DATABASE_URL: undefined, NUXT_SCALE_DATABASE_URL: 'false' })
  expect((await app.fetch('/api/health/ready')).status).toBe(200)
})
