import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildFixture, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { waitFor } from '../support/wait'

let output: string
let redis: RedisServer
const instances: NuxtInstance[] = []

beforeAll(async () => {
  output = await buildFixture('test/fixtures/nitro-cache', { buildDir: '.nuxt/scale', outputDir: '.output/scale' })
  redis = await startRedis({ password: 'hidden' })
})

afterAll(async () => {
  await Promise.all(instances.map(instance => instance.stop()))
  await redis?.stop()
})

async function start(env: NodeJS.ProcessEnv): Promise<NuxtInstance> {
  const instance = await startNuxt(output, { env })
  instances.push(instance)
  return instance
}

describe('GET /api/health', () => {
  it('is ok embedded, for GET and HEAD, and shows nothing of the machine', async () => {
    const app = await start({})
    const response = await app.fetch('/api/health')
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(Object.keys(await response.json()).sort()).toEqual(['status', 'timestamp'])
    const head = await app.fetch('/api/health', { method: 'HEAD' })
    expect(head.status).toBe(200)
    expect(await head.text()).toBe('')
  })

  it.each([
    ['killed', () => redis.kill(), () => redis.restart()],
    ['paused', () => redis.pause(), () => redis.resume()],
  ] as const)('is 503 while Redis is %s, and 200 again when it is back', async (_, fail, mend) => {
    const app = await start({ REDIS_URL: redis.url, NUXT_SCALE_HEALTH_CACHE_TTL: '0', NUXT_SCALE_HEALTH_TIMEOUT: '300ms' })
    await waitFor(async () => (await app.fetch('/api/health')).status === 200)
    await fail()
    await waitFor(async () => (await app.fetch('/api/health')).status === 503)
    const body = await (await app.fetch('/api/health')).text()
    expect(JSON.parse(body)).toMatchObject({ status: 'error' })
    expect(body).not.toContain('hidden')
    await mend()
    await waitFor(async () => (await app.fetch('/api/health')).status === 200, { timeout: 10_000 })
    expect(app.logs().join('\n')).not.toContain('hidden')
  })

  it('shows details to whoever has the token', async () => {
    const app = await start({ REDIS_URL: redis.url, NUXT_SCALE_HEALTH_DETAILS: 'token', NUXT_SCALE_HEALTH_TOKEN: 'letmein' })
    await waitFor(async () => (await app.fetch('/api/health')).status === 200)
    const details = await (await app.fetch('/api/health', { headers: { authorization: 'Bearer letmein' } })).json()
    expect(details).toMatchObject({ checks: { redis: { status: 'ok' } }, systemInfo: { nodeVersion: process.version } })
    const refused = await (await app.fetch('/api/health', { headers: { authorization: 'Bearer guess' } })).json()
    expect(Object.keys(refused).sort()).toEqual(['status', 'timestamp'])
  })
})
