import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildFixture, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import { generatePrisma } from '../support/prisma'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { blocksOf } from './blocks'
import { optionsIn, wholeConfig } from './config'

/** The apps that a newcomer makes by following pages line by line. Pages whose files do not collide share one, since a build takes its time. */
const pagesOf = {
  readme: ['README.md'],
  start: ['docs/content/1.getting-started.md'],
  features: ['docs/content/10.database.md', 'docs/content/16.rate-limit.md', 'docs/content/18.deploy.md'],
} as const
type App = keyof typeof pagesOf

/** What `npx prisma migrate dev` makes of the model on the page: its engine comes from the network. */
const productTable = 'create table "Product" (id serial primary key, name text not null)'
const AT_A_TIME = 2

const outputs = new Map<App, string>()
const running: NuxtInstance[] = []
let redis: RedisServer
let postgres: PostgresServer
let features: NuxtInstance

beforeAll(async () => {
  const next = Object.keys(pagesOf).values() as Iterable<App>
  const lane = async () => {
    for (const app of next) outputs.set(app, await build(app))
  }
  [redis, postgres] = await Promise.all([startRedis(), startPostgres(), ...Array.from({ length: AT_A_TIME }, lane)])
  await postgres.createDatabases('shop', 'eu', 'us', 'asia')
  const owner = new pg.Client({ connectionString: postgres.url('shop') })
  await owner.connect()
  await owner.query(productTable)
  await owner.end()
  const addresses = { DATABASE_URL: postgres.url('shop'), DATABASE_URL_EU: postgres.url('eu'), DATABASE_URL_US: postgres.url('us'), DATABASE_URL_ASIA: postgres.url('asia') }
  features = await start('features', addresses)
}, 600_000)

afterAll(async () => {
  await Promise.all(running.map(instance => instance.stop()))
  await Promise.all([redis?.stop(), postgres?.stop()])
})

/** Builds an app of the files that its pages show. Where a page shows a file twice, the first is the one to start with. */
async function build(app: App): Promise<string> {
  const root = resolve('test/.tmp/docs-apps', app)
  const files = new Map<string, string>()
  const configs: string[] = []
  for (const page of pagesOf[app]) {
    const shown = blocksOf(page).filter(({ file, language }) => file !== undefined && ['ts', 'vue', 'prisma'].includes(language))
    configs.push(shown.find(({ file }) => file === 'nuxt.config.ts')!.text)
    for (const { file, text } of shown) if (!files.has(file!)) files.set(file!, text)
  }
  // One page: as it stands there. Several: their options together.
  const scale = Object.assign({}, ...configs.map(optionsIn)) as object
  const together = `export default defineNuxtConfig({ modules: ['nuxt-scale'], scale: ${JSON.stringify(scale)} })`
  files.set('nuxt.config.ts', configs.length === 1 ? wholeConfig(configs[0]!) : together)
  for (const folder of ['server', 'prisma']) rmSync(join(root, folder), { recursive: true, force: true })
  for (const [file, text] of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), `${text}\n`)
  }
  if (files.has('prisma/schema.prisma')) await generatePrisma(root)
  return await buildFixture(root)
}

async function start(app: App, env: NodeJS.ProcessEnv = {}): Promise<NuxtInstance> {
  const instance = await startNuxt(outputs.get(app)!, { env })
  running.push(instance)
  return instance
}

async function ask(instance: NuxtInstance, path: string, init?: RequestInit): Promise<string> {
  const response = await instance.fetch(path, init)
  expect([path, response.status, response.ok ? '' : instance.logs().slice(-10)]).toEqual([path, 200, ''])
  return await response.text()
}

it('getting started: the time stands still until it is invalidated', async () => {
  const app = await start('start')
  const time = await ask(app, '/api/time')
  expect(Number.isNaN(Date.parse(JSON.parse(time.startsWith('"') ? time : JSON.stringify(time)) as string))).toBe(false)
  expect(await ask(app, '/api/time')).toBe(time)
  expect(JSON.parse(await ask(app, '/api/time', { method: 'DELETE' }))).toEqual({ invalidated: true })
  expect(await ask(app, '/api/time')).not.toBe(time)
})

it('the README: two instances have one time and one product, and one invalidation', async () => {
  const [one, other] = [await start('readme', { NUXT_SCALE_REDIS_URL: redis.url }), await start('readme', { NUXT_SCALE_REDIS_URL: redis.url })]
  const paths = ['/api/time', '/api/products/1']
  const before = []
  for (const path of paths) before.push(await ask(one, path))
  for (const [index, path] of paths.entries()) expect(await ask(other, path)).toBe(before[index])
  await ask(one, '/api/time', { method: 'DELETE' })
  for (const [index, path] of paths.entries()) {
    const after = await ask(one, path)
    expect(after).not.toBe(before[index])
    expect(await ask(other, path)).toBe(after)
  }
})

it('database: a product is written and read', async () => {
  expect(JSON.parse(await ask(features, '/api/products'))).toEqual([])
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"Lamp"}' }
  expect(JSON.parse(await ask(features, '/api/products', init))).toEqual({ id: 1, name: 'Lamp' })
  expect(JSON.parse(await ask(features, '/api/products'))).toEqual([{ id: 1, name: 'Lamp' }])
})

it('rate limits: the sixth login of an address is too many, and so are 60 requests at once', async () => {
  const login = () => features.fetch('/api/login', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"email":"ada@shop.example"}' })
  const statuses: number[] = []
  for (let turn = 0; turn < 6; turn++) statuses.push((await login()).status)
  expect(statuses.map(status => status === 429)).toEqual([false, false, false, false, false, true])
  const others = await Promise.all(Array.from({ length: 60 }, () => features.fetch('/api/anything')))
  expect(others.some(({ status }) => status === 429)).toBe(true)
  const exempt = await Promise.all(Array.from({ length: 60 }, () => features.fetch('/api/webhooks/anything')))
  expect(exempt.filter(({ status }) => status === 429)).toEqual([])
})

it('deploy: the app of the page can serve', async () => {
  expect(JSON.parse(await ask(features, '/api/health/ready'))).toMatchObject({ status: 'ok' })
})
