import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { productionEnvironment } from '../support/environment'
import { buildFixture, startNuxt } from '../support/nuxt'
import { freePort } from '../support/ports'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'

const PASSWORD = 'hunter2'

let output: string
let redis: RedisServer

beforeAll(async () => {
  output = await buildFixture('test/fixtures/features', { buildDir: '.nuxt/full', outputDir: '.output/full' })
  redis = await startRedis({ password: PASSWORD })
})

afterAll(() => redis?.stop())

/** A Redis that works, and secrets wherever there can be some: one wrong variable is enough. */
const environment = () => ({ REDIS_URL: redis.url, NUXT_SCALE_HEALTH_DETAILS: 'token', NUXT_SCALE_HEALTH_TOKEN: PASSWORD })

it('a built app boots with every variable right', async () => {
  const app = await startNuxt(output, { env: { ...environment(), NUXT_SCALE_CACHE_TTL: '60', NUXT_SCALE_CACHE_L1_MAX_BYTES: '1mb', NUXT_SCALE_HEALTH_TIMEOUT: '2s' } })
  const health = await app.fetch('/api/health', { headers: { authorization: `Bearer ${PASSWORD}` } })
  expect(await health.json()).toMatchObject({ status: 'ok', checks: { redis: { status: 'ok' } } })
  expect((await app.stop()).code).toBe(0)
  expect(app.logs().join('\n')).not.toContain(PASSWORD)
})

it.each([
  ['NUXT_SCALE_REDIS_URL', `redis://:${PASSWORD}@127.0.0.1:port`, 'scale.redis.url (NUXT_SCALE_REDIS_URL) is not a valid URL: write redis://host:6379/0'],
  ['REDIS_URL', `redis//:${PASSWORD}@127.0.0.1`, 'scale.redis.url (REDIS_URL) is not a valid URL'],
  ['NUXT_SCALE_REDIS_URL', `redis://:${PASSWORD}%zz@127.0.0.1`, 'scale.redis.url (NUXT_SCALE_REDIS_URL) has a \'%\''],
  ['NUXT_SCALE_REDIS_HOST', `redis://:${PASSWORD}@127.0.0.1`, 'scale.redis.host (NUXT_SCALE_REDIS_HOST) is not a host'],
  ['NUXT_SCALE_REDIS_CLUSTER', `redis://:${PASSWORD}@127.0.0.1:1`, 'scale.redis.cluster (NUXT_SCALE_REDIS_CLUSTER) contains an entry that is not an address'],
  ['NUXT_SCALE_REDIS', `redis://:${PASSWORD}@127.0.0.1`, 'scale.redis (NUXT_SCALE_REDIS) must be an object of options: set each option with its own variable, NUXT_SCALE_REDIS_*.'],
  ['NUXT_SCALE_REDIS_COMMAND_TIMEOUT', 'soon', 'scale.redis.commandTimeout (NUXT_SCALE_REDIS_COMMAND_TIMEOUT) is "soon"'],
  ['NUXT_SCALE_REDIS_DB', '-1', 'scale.redis.db (NUXT_SCALE_REDIS_DB) does not contain a valid database number'],
  ['NUXT_SCALE_CACHE', 'false', 'scale.cache (NUXT_SCALE_CACHE) must be an object of options'],
  ['NUXT_SCALE_CACHE_TTL', '-1', 'scale.cache.ttl is -1: write a number of seconds'],
  ['NUXT_SCALE_CACHE_JITTER', '2', 'scale.cache.jitter is 2: write a number from 0 to 1.'],
  ['NUXT_SCALE_CACHE_LEASE', 'maybe', 'scale.cache.lease is "maybe": write true or false.'],
  ['NUXT_SCALE_CACHE_L1_MAX_BYTES', 'many', 'scale.cache.l1.maxBytes is "many"'],
  ['NUXT_SCALE_STORAGE', 'redis', 'scale.storage (NUXT_SCALE_STORAGE) must be an object of options'],
  ['NUXT_SCALE_STORAGE_CACHE', 'maybe', 'scale.storage.cache is "maybe": write true or false.'],
  ['NUXT_SCALE_HEALTH', 'true', 'scale.health (NUXT_SCALE_HEALTH) must be an object of options'],
  ['NUXT_SCALE_HEALTH_TIMEOUT', '-1', 'scale.health.timeout is -1: write a number of seconds'],
  ['NUXT_SCALE_HEALTH_DETAILS', 'sometimes', 'scale.health.details is "sometimes": write \'never\', \'token\', \'always\'.'],
  ['NUXT_SCALE_HEALTH_CHECKS_REDIS', 'fatal', 'scale.health.checks.redis is "fatal": write \'critical\', \'degraded\'.'],
])('%s=%s stops the boot with one sentence and no secret', async (variable, value, sentence) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(output, 'server/index.mjs')], {
    env: productionEnvironment({ ...environment(), PORT: String(await freePort()), HOST: '127.0.0.1', [variable]: value }),
    encoding: 'utf8',
    timeout: 10_000,
  })
  const errors = stderr.split('\n').filter(line => /^\w*Error: /.test(line))
  expect(errors, stdout + stderr).toEqual([expect.stringContaining(sentence)])
  expect(errors[0]).toMatch(/\.$/)
  expect(status).toBe(1)
  expect(stdout).not.toContain('Listening')
  expect(stdout + stderr).not.toContain(PASSWORD)
})
