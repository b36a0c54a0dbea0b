import { afterAll, beforeAll, expect, it } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import { startNginx } from '../support/nginx'
import type { FrontServer } from '../support/front'
import { buildFixture, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
import { startSteadyLoad } from '../support/steady-load'
import { waitFor } from '../support/wait'

/** How long each measurement runs: a minute behind nginx, where the promise is made. */
const BEHIND_NGINX = 60_000
const BY_READINESS = 15_000
const GETS_PER_SECOND = 200
const POSTS_PER_SECOND = 20
const LONGEST_BODY = 16_384
const HEALTH = '/internal/health'

let output: string
let nginx: FrontServer
const instances: NuxtInstance[] = []

beforeAll(async () => {
  output = await buildFixture('test/fixtures/operations')
  instances.push(...await Promise.all([1, 2, 3].map(() => start())))
  // Passive checks. Its own connections rest shorter than those of the app, whose are 65 s.
  nginx = await startNginx(`
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
      proxy_set_header Host $host;
      proxy_next_upstream error timeout http_502;
      proxy_next_upstream_tries 3;
    }`, `
  upstream app {
    ${instances.map(({ port }) => `server 127.0.0.1:${port} max_fails=1 fail_timeout=1s;`).join('\n    ')}
    keepalive 16;
    keepalive_timeout 60s;
  }`)
})

afterAll(async () => {
  await nginx?.stop()
  await Promise.all(instances.map(instance => instance.kill()))
})

const start = (port?: number) => startNuxt(output, { port, env: { NUXT_SCALE_SHUTDOWN_DRAIN_DELAY: '2s', NUXT_SCALE_HEALTH_CACHE_TTL: '0' } })
const isReady = async (instance: NuxtInstance) => (await instance.fetch(`${HEALTH}/ready`)).status === 200

const getBody = (index: number) => {
  const size = 1 + (index * 7919) % LONGEST_BODY
  return { path: `/api/body?size=${size}`, length: size }
}
const postOrder = (index: number) => ({ method: 'POST', path: '/api/orders', body: `{"id":${index}}`, length: JSON.stringify({ stored: index }).length })

/** Restarts one instance after the other, each when the one before serves again, until the time is over. Returns how many. */
async function restartInTurn(milliseconds: number): Promise<number> {
  const end = performance.now() + milliseconds
  let restarts = 0
  while (performance.now() < end) {
    const index = restarts++ % instances.length
    const old = instances[index]!
    expect(await old.stop()).toEqual({ code: 0, signal: null })
    instances[index] = await start(old.port)
    await waitFor(() => isReady(instances[index]!), { timeout: 30_000 })
    // nginx tries it again after its fail_timeout.
    await sleep(1200)
  }
  return restarts
}

it('a rolling restart behind nginx loses no GET', async () => {
  const gets = startSteadyLoad(GETS_PER_SECOND, getBody, () => nginx.port)
  const posts = startSteadyLoad(POSTS_PER_SECOND, postOrder, () => nginx.port)
  const restarts = await restartInTurn(BEHIND_NGINX)
  const [got, posted] = await Promise.all([gets.stop(), posts.stop()])
  console.info(`Behind nginx: ${restarts} restarts; GET ${JSON.stringify(got)}; POST ${JSON.stringify(posted)}`)
  expect(got.failed, nginx.output().slice(-20).join('\n')).toEqual({})
  expect(got.sent).toBeGreaterThan(GETS_PER_SECOND * BEHIND_NGINX / 1000 * 0.95)
  expect(restarts).toBeGreaterThan(3)
})

it('a rolling restart loses no request of a balancer that asks for readiness and tries nothing again', async () => {
  const ready = new Set(instances.map(({ port }) => port))
  let asking = true
  const checks = Promise.all(instances.map(async (_, index) => {
    while (asking) {
      const { port } = instances[index]!
      if (await isReady(instances[index]!).catch(() => false)) ready.add(port)
      else ready.delete(port)
      await sleep(200)
    }
  }))
  const portOf = (index: number) => [...ready][index % ready.size]!
  const gets = startSteadyLoad(GETS_PER_SECOND, getBody, portOf)
  const posts = startSteadyLoad(POSTS_PER_SECOND, postOrder, portOf)
  const restarts = await restartInTurn(BY_READINESS)
  const [got, posted] = await Promise.all([gets.stop(), posts.stop()])
  asking = false
  await checks
  console.info(`By readiness alone: ${restarts} restarts; GET ${JSON.stringify(got)}; POST ${JSON.stringify(posted)}`)
  expect([got.failed, posted.failed]).toEqual([{}, {}])
  expect(restarts).toBeGreaterThan(1)
})
