import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildFixture, readBuildLog, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { waitFor } from '../support/wait'

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
  const instance = await startNuxt(output, { env: { DATABASE_URL: 'postgresql://127.0.0.1:1/none', REDIS_URL: redis.url, NUXT_SCALE_HEALTH_CHECKS_DATABASE: 'false', ...env } })
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

describe('a database client of the app\'s own', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server?.stop())

  const startWith = (env: NodeJS.ProcessEnv) => start({ DATABASE_URL: server.url(), REDIS_URL: undefined, ...env })
  const outcome = async (app: NuxtInstance, path: string) => {
    const response = await app.fetch(path)
    return [response.status, response.headers.get('retry-after'), (await response.json()).one ?? 'none'] as const
  }

  it('that finds its pool full is answered with 503 and Retry-After', async () => {
    const app = await startWith({ NUXT_SCALE_DATABASE_POOL_MAX: '1', NUXT_SCALE_DATABASE_POOL_ACQUIRE_TIMEOUT: '300ms' })
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => outcome(app, '/api/query?sleep=2')))
    expect(outcomes.sort()).toEqual([[200, null, 1], ...Array.from({ length: 4 }, () => [503, '1', 'none'])])
    // By the word of its factory; another error stays what it is.
    expect(await outcome(app, '/api/throws?name=OwnPoolIsFull')).toEqual([503, '1', 'none'])
    expect((await outcome(app, '/api/throws?name=Other'))[0]).toBe(500)
  })

  it('is not given up while its database answers, however long a request or a query takes', async () => {
    const app = await startWith({ NUXT_SCALE_DATABASE_ANSWER_TIMEOUT: '600ms' })
    expect(await Promise.all(['/api/query?wait=2500', '/api/query?sleep=2.5'].map(path => outcome(app, path)))).toEqual([[200, null, 1], [200, null, 1]])
  })

  it('is answered with 503 by every request while the server hangs, except what has begun to answer, and with 200 afterwards', async () => {
    const app = await startWith({ NUXT_SCALE_DATABASE_ANSWER_TIMEOUT: '2s', NUXT_SCALE_DATABASE_POOL_ACQUIRE_TIMEOUT: '1s' })
    // Connections that are open already, of the request itself and of the scope inside another: their queries would never return.
    for (const path of ['/api/query', '/api/job']) expect(await outcome(app, path)).toEqual([200, null, 1])
    const before = [outcome(app, '/api/query?sleep=0.5')]
    const stream = await app.fetch('/api/stream')
    const reading = stream.text()
    await waitFor(async () => (await server.query<{ count: number }>('select count(*)::int from pg_stat_activity where query like \'%pg_sleep%\' and state = \'active\' and pid <> pg_backend_pid()'))[0]!.count > 0)
    await server.pause()
    try {
      const during = Array.from({ length: 40 }, (_, index) => outcome(app, index % 2 ? '/api/query' : '/api/job'))
      const outcomes = await Promise.all([...before, ...during])
      expect(outcomes).toEqual(outcomes.map(() => [503, '1', 'none']))
    }
    finally {
      await server.resume()
    }
    expect(await reading).toBe('begun;done')
    await waitFor(async () => (await outcome(app, '/api/query'))[0] === 200, { timeout: 10_000 })
    expect(await outcome(app, '/api/job')).toEqual([200, null, 1])
    // Once for the default database, and once for its address by which the inner scope knows it.
    expect(app.logs().filter(line => line.includes('does not answer')).length).toBeLessThanOrEqual(2)
    expect(app.logs().join('\n')).not.toContain(server.password)
  })
})
