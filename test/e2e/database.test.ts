import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { productionEnvironment } from '../support/environment'
import { buildFixture, readBuildLog, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import { generatePrisma, itemTable } from '../support/prisma'
import { waitFor } from '../support/wait'

const run = promisify(execFile)
const fixture = 'test/fixtures/database'
const tenants = Array.from({ length: 12 }, (_, index) => `tenant_${index}`)

/** What no client may read: hosts and databases, options, files and variables. */
const NAMED = /127\.0\.0\.1:(?!\d+\/api)|postgres|scale\.|server\/|NUXT_SCALE|DATABASE_URL|\.ts\b/

let output: string
let server: PostgresServer
const instances: NuxtInstance[] = []

beforeAll(async () => {
  await generatePrisma(fixture)
  output = await buildFixture(fixture)
  server = await startPostgres({ maxConnections: 20 })
  await server.createSchemas('app', ...tenants)
  await server.query(['public', ...tenants].map(tenant => `grant all on schema public to app; set role app; set search_path to ${tenant}; ${itemTable}; insert into "Item" (name) values ('${tenant}'); reset role`).join(';'), 'app')
})

afterAll(async () => {
  await Promise.all(instances.map(instance => instance.stop()))
  await server?.stop()
})

async function start(env: NodeJS.ProcessEnv = {}): Promise<NuxtInstance> {
  const instance = await startNuxt(output, { env: { DATABASE_URL: server.url(), NUXT_SCALE_DATABASE_MAX_CONNECTIONS: '9', ...env } })
  instances.push(instance)
  return instance
}

const gauges = async (app: NuxtInstance) => await (await app.fetch('/api/gauges')).json() as Record<string, number>

describe('database clients in a built app', () => {
  it('says nothing in its build of the adapters that are not installed', async () => {
    expect((await readBuildLog(output)).filter(line => /adapter|could not be resolved|UNRESOLVED/i.test(line))).toEqual([])
  })

  it('makes none for requests that use none, and one for those that do', async () => {
    const app = await start()
    expect(await (await app.fetch('/api/none')).json()).toEqual({ factoryCalls: 0 })
    expect(await server.connections()).toBe(0)
    const answers = await Promise.all(Array.from({ length: 10 }, async () => (await app.fetch('/api/items')).json()))
    expect(answers).toEqual(answers.map(() => ['public']))
    expect(await (await app.fetch('/api/none')).json()).toEqual({ factoryCalls: 1 })
    expect(await server.connections()).toBeLessThanOrEqual(3)
    await waitFor(async () => (await gauges(app)).leases === 0)
    await app.stop()
    expect(app.logs().filter(line => line === 'disconnected')).toHaveLength(1)
    expect(await server.connections()).toBe(0)
  })

  it('serves more tenants than it has places for, each its own rows, within the budget', async () => {
    const app = await start({ NUXT_SCALE_DATABASE_POOL_ACQUIRE_TIMEOUT: '10s' })
    let most = 0
    let running = true
    const sampler = (async () => {
      while (running) most = Math.max(most, await server.connections())
    })()
    const wanted = Array.from({ length: 120 }, (_, index) => tenants[index % tenants.length]!)
    const answers = await Promise.all(wanted.map(async tenant => (await app.fetch(`/api/tenant?tenant=${tenant}&sleep=0.02`)).json()))
    running = false
    await sampler
    expect(answers).toEqual(wanted.map(name => ({ name, same: true })))
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(9)
    expect(server.refusals()).toEqual([])
    await waitFor(async () => (await gauges(app)).leases === 0)
    await app.stop()
  })

  it('answers 503 with Retry-After, names nothing of the server, and logs no stack, when every place is taken for longer than a request waits', async () => {
    const app = await start({ NUXT_SCALE_DATABASE_POOL_ACQUIRE_TIMEOUT: '500ms' })
    const slow = [0, 1].map(index => app.fetch(`/api/tenant?tenant=${tenants[index]}&sleep=2`))
    await waitFor(async () => (await gauges(app)).leases === 2)
    const refused = await app.fetch(`/api/tenant?tenant=${tenants[2]}`)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('1')
    const body = await refused.text()
    expect(JSON.parse(body)).toMatchObject({ message: 'The database is busy. Try again later.', data: { code: 'DATABASE_BUSY' } })
    await app.logged(/GET \/api\/tenant was answered with 503 DATABASE_BUSY: No database connection became free for .+ within 500 ms/)
    // A full pool of one client is the same answer, though Prisma makes an error of its own of it.
    const queries = await Promise.all(Array.from({ length: 6 }, () => app.fetch(`/api/tenant?tenant=${tenants[0]}&sleep=1`)))
    const full = queries.find(({ status }) => status !== 200)!
    expect(full.status).toBe(503)
    expect(full.headers.get('retry-after')).toBe('1')
    expect((await Promise.all(slow)).map(({ status }) => status)).toEqual([200, 200])
    expect(await (await app.fetch(`/api/tenant?tenant=${tenants[2]}`)).json()).toMatchObject({ name: tenants[2] })
    const answers = body + await full.text()
    expect(answers).not.toMatch(NAMED)
    expect(answers + app.logs().join('\n')).not.toContain(server.password)
    expect(app.logs().join('\n')).not.toContain('[unhandled]')
    await app.stop()
  })

  it('gives clients back when a caller goes away, when a stream ends, after jobs and inner requests', async () => {
    const app = await start()
    const abort = new AbortController()
    const aborted = app.fetch(`/api/tenant?tenant=${tenants[0]}&sleep=0.5`, { signal: abort.signal }).catch(() => 'aborted')
    await waitFor(async () => (await gauges(app)).leases === 1)
    abort.abort()
    expect(await aborted).toBe('aborted')
    await waitFor(async () => (await gauges(app)).leases === 0)

    const stream = await app.fetch(`/api/stream?tenant=${tenants[1]}`)
    expect(await gauges(app)).toMatchObject({ leases: 1 })
    expect(await stream.text()).toBe('1;1;1;')
    await waitFor(async () => (await gauges(app)).leases === 0)

    const behind = await app.fetch(`/api/behind?tenant=${tenants[1]}`)
    expect(await gauges(app)).toMatchObject({ leases: 1 })
    expect(await behind.text()).toBe('begun;1;')
    await waitFor(async () => (await gauges(app)).leases === 0)

    expect(await (await app.fetch(`/api/job?tenant=${tenants[2]}`)).json()).toBe(1)
    expect(await (await app.fetch(`/api/inner?tenant=${tenants[2]}`)).json()).toMatchObject({ name: tenants[2] })
    expect(await (await app.fetch('/api/inner?tenant=missing')).status).toBe(500)
    await waitFor(async () => (await gauges(app)).leases === 0)
    await app.stop()
    expect(await server.connections()).toBe(0)
  })

  it('reads from replicas where asked to, from the primary after a write of that user, and from it when no replica is there', async () => {
    const replica = await startPostgres()
    await replica.query(`grant all on schema public to app; set role app; ${itemTable}; insert into "Item" (name) values ('replica')`, 'app')
    const app = await start({ NUXT_SCALE_DATABASE_REPLICAS: replica.url(), NUXT_SCALE_SECRET: 'a text that signs cookies' })
    const read = async (cookie = '') => await (await app.fetch('/api/replica', { headers: { cookie } })).json()
    const fromReplica = { reader: 'replica', auto: 'replica', writer: 'public' }
    const fromPrimary = { reader: 'public', auto: 'public', writer: 'public' }
    await waitFor(async () => (await read()).reader === 'replica')
    expect(await read()).toEqual(fromReplica)
    const written = await app.fetch('/api/replica', { method: 'POST' })
    expect(await written.json()).toEqual(fromPrimary)
    const cookie = written.headers.get('set-cookie')!.split(';')[0]!
    expect(await read(cookie)).toEqual(fromPrimary)
    expect(await read()).toEqual(fromReplica)
    expect(await read(`${cookie}x`)).toEqual(fromReplica)
    await waitFor(async () => (await read(cookie)).reader === 'replica')
    await replica.stop()
    await waitFor(async () => (await (await app.fetch('/api/replica')).json()).reader === 'public', { timeout: 10_000 })
    expect((await app.fetch('/api/replica')).headers.get('set-cookie')).toBeNull()
    await app.stop()

    const unsigned = await start({ NUXT_SCALE_DATABASE_REPLICAS: 'postgresql://app:hidden@127.0.0.1:1/app' })
    expect((await unsigned.fetch('/api/replica', { method: 'POST' })).headers.get('set-cookie')).toBeNull()
    expect(await (await unsigned.fetch('/api/replica')).json()).toEqual(fromPrimary)
    await unsigned.logged('Read replicas are not used')
    expect(unsigned.logs().join('\n')).not.toContain('hidden')
    await expect(start({ NUXT_SCALE_SECRET: 'fifteen letters' })).rejects.toThrow('scale.secret (NUXT_SCALE_SECRET) has 15 characters: write at least 16')
  })

  it('is not ready while the database answers nobody, lives on, and is ready again when it does', async () => {
    const app = await start({ NUXT_SCALE_DATABASE_ANSWER_TIMEOUT: '2s', NUXT_SCALE_HEALTH_TIMEOUT: '300ms', NUXT_SCALE_HEALTH_CACHE_TTL: '0', NUXT_SCALE_HEALTH_DETAILS: 'always' })
    const probe = async (path: string) => (await app.fetch(`/api/health${path}`)).status
    await waitFor(async () => await probe('/ready') === 200)
    await server.pause()
    try {
      // Asked again and again, it holds one connection and not one for each probe.
      for (let index = 0; index < 5; index++) {
        const asked = performance.now()
        expect([await probe('/ready'), await probe('/live'), await probe('/startup')]).toEqual([503, 200, 200])
        expect(performance.now() - asked).toBeLessThan(1300)
      }
      expect((await gauges(app)).leases).toBe(1)
      // A request is not left without an answer either.
      const answer = await app.fetch('/api/items')
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
      expect((await (await app.fetch('/api/health')).json()).checks).toMatchObject({ database: { status: 'error', level: 'critical' } })
    }
    finally {
      await server.resume()
    }
    await waitFor(async () => await probe('/ready') === 200)
    await waitFor(async () => (await gauges(app)).leases === 0)
    await app.stop()
    expect(app.logs().join('\n')).not.toContain(server.password)
  })

  it('tells the log what is missing without a default database, and the client that there is none', async () => {
    const app = await start({ DATABASE_URL: undefined, NUXT_SCALE_DATABASE_URL: 'false' })
    expect((await app.fetch('/api/none')).status).toBe(200)
    for (const accept of ['application/json', 'text/html', '*/*']) {
      const answer = await app.fetch('/api/items', { headers: { accept } })
      expect(answer.status).toBe(500)
      const body = await answer.text()
      expect(body).toContain('There is no database for this request.')
      expect(body).toContain('DATABASE_UNKNOWN')
      expect(body).not.toMatch(NAMED)
      if (accept === 'text/html') expect(body).toContain('<html')
    }
    await app.logged('There is no default database: set NUXT_SCALE_DATABASE_URL where the server starts.')
  })

  it('types every client after the factory', async () => {
    const check = async () => run(process.execPath, [resolve('node_modules/vue-tsc/bin/vue-tsc.js'), '--noEmit', '-p', join(fixture, 'tsconfig.check.json')], { env: productionEnvironment() })
    await check()
    const wrong = join(fixture, 'server/api/wrong.get.ts')
    await writeFile(wrong, 'export default defineEventHandler(() => usePrisma().item.findMany({ where: { nme: 1 } }))\nexport const bad: number = (await getTenantPrismaClient(\'a\')).item\n')
    const failure = await check().then(() => ({ stdout: 'no error' }), (error: { stdout: string }) => error).finally(() => rm(wrong))
    expect(failure.stdout).toContain('\'nme\' does not exist')
    expect(failure.stdout).toContain('is not assignable to type \'number\'')
  }, 240_000)
})

it('a build without a factory stops with one sentence', async () => {
  const root = resolve('test/.tmp/database-missing')
  await mkdir(root, { recursive: true })
  await writeFile(join(root, 'nuxt.config.ts'), `export default { modules: [${JSON.stringify(resolve('src/module.ts'))}], ssr: false, compatibilityDate: '2026-01-01', scale: { database: {} } }\n`)
  await writeFile(join(root, 'tsconfig.json'), await readFile('test/fixtures/package/tsconfig.json'))
  await expect(buildFixture(root)).rejects.toThrow(/scale\.database needs a factory: create .*server\/scale\.database\.ts with, for Prisma 7, "export default defineScaleDatabase\(/)
  await rm(root, { recursive: true, force: true })
})
