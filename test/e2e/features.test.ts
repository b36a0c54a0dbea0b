import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { resolveOptions } from '../../src/options'
import { buildFixture, startNuxt } from '../support/nuxt'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'

const FEATURES = ['redis', 'cache', 'storage', 'health', 'rabbitmq'] as const
type Feature = typeof FEATURES[number]

/** The only files of a feature that are built when it is off: where the features that are on ask for it. */
const DOORS: Record<Feature, string[]> = {
  redis: ['redis/service', 'redis/script', 'redis/redirect', 'redis/scan'],
  cache: ['cache/service'],
  storage: [],
  health: [],
  rabbitmq: [],
}
/** The packages that a feature brings along, those of ioredis by its own name. */
const PACKAGES: Record<Feature, string[]> = { redis: ['ioredis'], cache: ['lru-cache'], storage: [], health: [], rabbitmq: ['amqplib'] }

let redis: RedisServer
let full: Built

beforeAll(async () => {
  redis = await startRedis()
  full = await build('full')
})

afterAll(() => redis?.stop())

interface Built {
  output: string
  /** Every file with a byte in the server's code, as its source maps have it. */
  files: string[]
  /** The packages that are copied next to it. */
  packages: string[]
  /** The code itself. */
  code: string
}

async function build(name: string, env: NodeJS.ProcessEnv = {}): Promise<Built> {
  const output = await buildFixture('test/fixtures/features', { env, buildDir: `.nuxt/${name}`, outputDir: `.output/${name}` })
  const server = join(output, 'server')
  const paths = readdirSync(server, { recursive: true, encoding: 'utf8' }).filter(path => !path.startsWith('node_modules'))
  const read = (path: string) => readFileSync(join(server, path), 'utf8')
  const sources = paths.filter(path => path.endsWith('.mjs.map')).flatMap(path => (JSON.parse(read(path)) as { sources: string[] }).sources)
  return {
    output,
    files: [...new Set(sources.map(source => source.replace(/^(?:\.\.\/)+/, '').replaceAll(new RegExp(`\\.nuxt(/|%2F)${name}\\b`, 'g'), '.nuxt')))].sort(),
    packages: Object.keys((JSON.parse(read('package.json')) as { dependencies: object }).dependencies),
    code: paths.filter(path => path.endsWith('.mjs')).map(read).join('\n'),
  }
}

/** What features share, besides the files that are in no folder. */
const SHARED = /^(?:core|request)\/|^nitro-patches\/lazy-modules$/

/** The files of the module, without `src/runtime/server/` and `.ts`. */
function ownFiles({ files }: Built): { shared: string[], features: string[] } {
  const own = files.flatMap(file => /src\/runtime\/server\/(.+)\.ts$/.exec(file)?.[1] ?? [])
  const isShared = (file: string) => !file.includes('/') || SHARED.test(file)
  return { shared: own.filter(isShared), features: own.filter(file => !isShared(file)) }
}

/** What the app answers, on a Redis that is empty and there for whoever wants it. */
async function observe({ output }: Built) {
  const client = redis.client()
  await client.flushall()
  const app = await startNuxt(output, { env: { REDIS_URL: redis.url } })
  try {
    const runs = [await (await app.fetch('/api/cached')).json(), await (await app.fetch('/api/cached')).json()]
    expect(runs[1]).toEqual(runs[0])
    return {
      ...await (await app.fetch('/api/features')).json(),
      health: (await app.fetch('/api/health')).headers.get('content-type'),
      keys: await client.keys('*'),
      connections: (await client.client('LIST') as string).trim().split('\n').length - 1,
    }
  }
  finally {
    await app.stop()
    client.disconnect()
  }
}

it('with every feature on, each has its files, its packages and its place in the app', async () => {
  // The shutdown, tenancy, the database and shards are off until their block is there.
  expect([...new Set(ownFiles(full).features.map(file => file.split('/')[0]))].sort()).toEqual(['nitro-patches', ...FEATURES].sort())
  expect(full.packages).toEqual(expect.arrayContaining(Object.values(PACKAGES).flat()))
  expect(full.code).not.toMatch(/not-in-the-build|deploy:|"deploy"/)
  expect(await observe(full)).toEqual({
    app: { cache: 'object', redis: 'object' },
    helpers: { cacheWithRedis: 'function', useRedis: 'function', useRabbit: 'function' },
    mounts: { cache: 'nuxt-scale-cache', redis: 'nuxt-scale-redis' },
    cached: ['route:api:cached'],
    health: 'application/health+json',
    keys: ['scale:cache:{route:/api/cached}'],
    connections: 2,
  })
})

it('with every feature off, the build is the one without the module, and Nitro\'s own cache answers', async () => {
  const plain = await build('plain', { PLAIN_NITRO: '1' })
  const none = await build('none', { FEATURES_OFF: FEATURES.join() })
  expect(ownFiles(none)).toEqual({ shared: [], features: [] })
  expect(none.files).toEqual(plain.files)
  expect(none.packages).toEqual(plain.packages)
  expect(none.code).not.toMatch(/nuxt-scale|ioredis|amqplib|cacheWithRedis\(/)
  // The options, which say that the features are off.
  const words = JSON.stringify({ scale: resolveOptions(Object.fromEntries(FEATURES.map(feature => [feature, false]))) }, null, 2)
  expect(none.code.length).toBeLessThan(plain.code.length + words.length + 50)
  const seen = await observe(none)
  expect(seen).toEqual(await observe(plain))
  expect(seen).toMatchObject({ cached: [expect.stringMatching(/^nitro:handlers:/)], keys: [], connections: 0 })
})

it.each<[Feature, object]>([
  ['redis', { app: { cache: 'object', redis: 'undefined' }, helpers: { cacheWithRedis: 'function', useRedis: 'undefined', useRabbit: 'function' }, mounts: { cache: 'nuxt-scale-cache', redis: 'memory' }, keys: [], connections: 0 }],
  ['cache', { app: { cache: 'undefined', redis: 'object' }, helpers: { cacheWithRedis: 'undefined', useRedis: 'function', useRabbit: 'function' }, mounts: { cache: 'memory', redis: 'nuxt-scale-redis' }, cached: [expect.stringMatching(/^nitro:handlers:/)], keys: [], connections: 1 }],
  ['storage', { mounts: { cache: 'memory', redis: 'memory' }, cached: [] }],
  ['health', { health: 'text/html;charset=utf-8' }],
  ['rabbitmq', { helpers: { cacheWithRedis: 'function', useRedis: 'function', useRabbit: 'undefined' } }],
])('with %s off, that feature alone is gone', async (feature, change) => {
  const without = await build(`no-${feature}`, { FEATURES_OFF: feature })
  const isGone = (file: string) => file.startsWith(`${feature}/`) && !DOORS[feature].includes(file)
  expect(ownFiles(without).features).toEqual(ownFiles(full).features.filter(file => !isGone(file)))
  expect(ownFiles(full).shared).toEqual(expect.arrayContaining(ownFiles(without).shared))
  const gone = full.packages.filter(name => !without.packages.includes(name))
  expect(gone).toEqual(feature === 'redis' ? expect.arrayContaining(PACKAGES.redis) : PACKAGES[feature])
  expect(without.packages).toEqual(expect.arrayContaining(FEATURES.filter(other => other !== feature).flatMap(other => PACKAGES[other])))
  expect(await observe(without)).toEqual({ ...await observe(full), ...change })
})
