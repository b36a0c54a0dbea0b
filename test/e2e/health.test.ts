import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildFixture, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { waitFor } from '../support/wait'

const BASE = '/internal/health'

let output: string
let redis: RedisServer
const instances: NuxtInstance[] = []

beforeAll(async () => {
  output = await buildFixture('test/fixtures/operations')
  redis = await startRedis({ password: 'hidden' })
})

afterAll(async () => {
  await Promise.all(instances.map(instance => instance.kill()))
  await redis?.stop()
})

async function start(env: NodeJS.ProcessEnv): Promise<NuxtInstance> {
  const instance = await startNuxt(output, { env: { NUXT_SCALE_HEALTH_CACHE_TTL: '0', ...env } })
  instances.push(instance)
  return instance
}

/** The status code and the status of a probe. */
async function ask(app: NuxtInstance, probe = '') {
  const response = await app.fetch(`${BASE}${probe}`)
  return [response.status, (await response.json() as { status: string }).status]
}

describe('health', () => {
  it('is ok embedded, for GET and HEAD, kept and counted by nobody, and shows nothing of the machine', async () => {
    const app = await start({})
    for (const path of ['', '/live', '/ready', '/startup']) {
      const response = await app.fetch(`${BASE}${path}`)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe('application/health+json')
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(response.headers.get('ratelimit')).toBeNull()
      expect(Object.keys(await response.json()).sort()).toEqual(['status', 'timestamp'])
      const head = await app.fetch(`${BASE}${path}`, { method: 'HEAD' })
      expect(head.status).toBe(200)
      expect(await head.text()).toBe('')
    }
    const times = await Promise.all(Array.from({ length: 3 }, async () => (await (await app.fetch(`${BASE}/live`)).json() as { timestamp: string }).timestamp))
    await waitFor(async () => !times.includes((await (await app.fetch(`${BASE}/live`)).json() as { timestamp: string }).timestamp))
    // The limit of the paths around it: the first passes, and then none.
    expect((await app.fetch('/internal/other')).headers.get('ratelimit')).toBeTruthy()
    expect((await app.fetch('/internal/other')).status).toBe(429)
    expect((await app.fetch(`${BASE}/ready`)).status).toBe(200)
  })

  it.each([
    ['killed', () => redis.kill(), () => redis.restart()],
    ['paused', () => redis.pause(), () => redis.resume()],
  ] as const)('while Redis is %s, is degraded, 503 where Redis is critical, live in any case, and ok again when it is back', async (_, fail, mend) => {
    const env = { REDIS_URL: redis.url, NUXT_SCALE_HEALTH_TIMEOUT: '300ms' }
    const [lenient, strict] = [await start(env), await start({ ...env, NUXT_SCALE_HEALTH_CHECKS_REDIS: 'critical' })]
    for (const app of [lenient, strict]) await waitFor(async () => (await ask(app))[1] === 'ok')
    await fail()
    await waitFor(async () => (await ask(lenient))[1] === 'degraded')
    expect(await ask(lenient, '/ready')).toEqual([200, 'degraded'])
    await waitFor(async () => (await ask(strict))[1] === 'error')
    expect(await ask(strict, '/ready')).toEqual([503, 'error'])
    // Thirty probes while nothing answers: each within the deadline of the checks, and a second for a busy machine.
    const asked = performance.now()
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask(strict, '/ready')))
    expect(answers).toEqual(answers.map(() => [503, 'error']))
    expect(performance.now() - asked).toBeLessThan(1300)
    expect(await ask(strict, '/live')).toEqual([200, 'ok'])
    expect(await ask(strict, '/startup')).toEqual([200, 'ok'])
    await mend()
    for (const app of [lenient, strict]) await waitFor(async () => (await ask(app))[1] === 'ok', { timeout: 10_000 })
    expect([...lenient.logs(), ...strict.logs()].join('\n')).not.toContain('hidden')
  })

  it('shows details to whoever has the token', async () => {
    const app = await start({ REDIS_URL: redis.url, NUXT_SCALE_HEALTH_DETAILS: 'token', NUXT_SCALE_HEALTH_TOKEN: 'letmein' })
    await waitFor(async () => (await ask(app))[1] === 'ok')
    const details = async (path: string, token: string) => await (await app.fetch(`${BASE}${path}`, { headers: { authorization: `Bearer ${token}` } })).json()
    const whole = await details('', 'letmein')
    expect(whole).toMatchObject({
      checks: { redis: { status: 'ok', level: 'degraded' }, search: { status: 'ok', level: 'critical' }, mail: { status: 'ok', level: 'degraded' } },
      systemInfo: { nodeVersion: process.version, uptime: expect.any(Number), hostname: expect.any(String), memory: { rss: expect.any(Number) }, eventLoopLag: { mean: expect.any(Number), max: expect.any(Number) } },
    })
    expect(Object.keys(whole.checks)).toEqual(['redis', 'search', 'mail'])
    expect(Object.keys(await details('/ready', 'letmein'))).toEqual(['status', 'timestamp', 'checks'])
    expect(Object.keys(await details('', 'guess'))).toEqual(['status', 'timestamp'])
  })

  it('asks what the app itself depends on, with its own deadlines, and tells nobody what an error says', async () => {
    const cases: [NodeJS.ProcessEnv, [number, string]][] = [
      [{ SEARCH: 'fails' }, [503, 'error']],
      [{ SEARCH: 'hangs', NUXT_SCALE_HEALTH_TIMEOUT: '100ms' }, [503, 'error']],
      [{ MAIL: 'hangs', NUXT_SCALE_HEALTH_TIMEOUT: '20s' }, [200, 'degraded']],
    ]
    for (const [env, answer] of cases) {
      const app = await start({ ...env, NUXT_SCALE_HEALTH_DETAILS: 'always' })
      expect(await ask(app, '/ready')).toEqual(answer)
      expect((await ask(app, '/startup'))[0]).toBe(answer[0])
      expect(await ask(app, '/live')).toEqual([200, 'ok'])
      const shown = await (await app.fetch(BASE)).text() + app.logs().join('\n')
      expect(shown).not.toContain('hunter2')
      expect(app.logs().filter(line => line.includes('check'))).toHaveLength(1)
    }
  })

  it('is not alive while the event loop is late beyond its limit', async () => {
    const app = await start({ NUXT_SCALE_HEALTH_MAX_EVENT_LOOP_LAG: '10ms' })
    await app.fetch('/api/block?ms=2000')
    expect(await ask(app, '/live')).toEqual([503, 'error'])
    expect(await ask(app, '/ready')).toEqual([200, 'ok'])
  })

  it('answers while a balancer only connects and leaves', async () => {
    const app = await start({})
    for (let index = 0; index < 20; index++) {
      await new Promise<void>((resolve, reject) => {
        const socket = connect(app.port, '127.0.0.1', () => socket.destroy()).once('close', () => resolve()).once('error', reject)
      })
    }
    expect(await ask(app, '/live')).toEqual([200, 'ok'])
  })
})
