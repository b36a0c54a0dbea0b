import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestBrowser } from '../support/browser'
import { startBrowser } from '../support/browser'
import { createClient } from '../support/http-client'
import { buildFixture, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
import { startPostgres } from '../support/postgres'
import { generatePrisma } from '../support/prisma'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { waitFor } from '../support/wait'

const HEADER = 'x-nuxt-scale-cache'
let redis: RedisServer
let output: string
let one: NuxtInstance
let two: NuxtInstance
let embedded: NuxtInstance
let browser: TestBrowser

beforeAll(async () => {
  await generatePrisma('playground')
  output = await buildFixture('playground')
  redis = await startRedis()
  const env = { NUXT_SCALE_REDIS_URL: redis.url, NUXT_SHOP_DELAY: '5' }
  ;[one, two, embedded] = await Promise.all([startNuxt(output, { env }), startNuxt(output, { env }), startNuxt(output, { env: { NUXT_SHOP_DELAY: '5' } })])
  await Promise.all([one, two, embedded].map(isFilled))
  browser = await startBrowser()
})

afterAll(async () => {
  await browser?.close()
  await Promise.all([one, two, embedded].map(instance => instance?.stop()))
  await redis?.stop()
})

/** Requests wait until the databases are filled, which takes a while for one inside a process on a busy machine. */
async function isFilled(instance: NuxtInstance): Promise<void> {
  await instance.fetch('/api/tenant', { signal: AbortSignal.timeout(120_000) })
}

const source = async (instance: NuxtInstance, path: string) => (await instance.fetch(path)).headers.get(HEADER)

async function invalidate(instance: NuxtInstance, way: string, value: string): Promise<void> {
  const response = await instance.fetch('/api/cache/invalidate', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ way, value }) })
  expect(response.status).toBe(200)
}

const cached = ['/api/categories/garden', '/api/statistics', '/api/products?page=1&limit=12', '/api/products/p1', '/api/offers', '/api/offers?category=books&utm_source=mail']

describe('the shop, embedded', () => {
  it.each(cached)('answers %s from the loader once and from L1 after', async (path) => {
    expect(await source(embedded, path)).toBe('loader')
    expect(await source(embedded, path)).toBe('l1')
  })

  it('keeps errors out of the cache', async () => {
    for (let times = 0; times < 2; times++) {
      expect((await embedded.fetch('/api/categories/none')).status).toBe(404)
      expect((await embedded.fetch('/api/products/none')).status).toBe(404)
      expect((await embedded.fetch('/api/products?page=none')).status).toBe(400)
    }
  })

  it('renders its pages', async () => {
    for (const path of ['/', '/categories/garden', '/products/p1', '/about', '/faq', '/cache', '/tenants', '/people']) {
      const response = await embedded.fetch(path)
      expect(response.status).toBe(200)
      expect(await response.text()).toContain('<h1')
    }
    expect(await source(embedded, '/about')).toBe('l1')
  })
})

describe('two instances on one Redis', () => {
  it.each(cached)('share %s', async (path) => {
    expect(await source(one, path)).toBe('loader')
    expect(await source(two, path)).toBe('l2')
    expect(await source(two, path)).toBe('l1')
  })

  it.each([
    ['key', 'category:garden', '/api/categories/garden'],
    ['pattern', 'route:/api/offers*', '/api/offers'],
    ['tag', 'products', '/api/products/p1'],
  ])('an invalidation by %s of one is seen by the other', async (way, value, path) => {
    await source(two, path)
    expect(await source(two, path)).toBe('l1')
    await invalidate(one, way, value)
    await waitFor(async () => await source(two, path) === 'loader')
  })

  it('a change of a category shows at once where it was made', async () => {
    const put = await one.fetch('/api/categories/tools', { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: 'Instruments' }) })
    expect(put.status).toBe(200)
    expect(await (await one.fetch('/api/categories')).text()).toContain('Instruments')
  })
})

it('the cache page shows who answered and invalidates', async () => {
  const { page, errors, close } = await browser.openPage(`${embedded.url}/cache`, { viewport: { width: 390, height: 844 } })
  const first = page.locator('tbody tr').first().locator('.source')
  await waitFor(async () => await first.textContent() === 'l1')
  await page.getByRole('button', { name: 'Invalidate' }).click()
  await waitFor(async () => await first.textContent() === 'loader')
  expect(errors).toEqual([])
  await close()
})

describe('tenants and shards', () => {
  it('every tenant has its own prices, by host and by header, and no other name beside the host', async () => {
    const client = createClient(embedded.port)
    const price = async (headers: Record<string, string>) => {
      const { status, body } = await client.request('/api/products/p1', { headers })
      return status === 200 ? (JSON.parse(body) as { price: number }).price : status
    }
    const prices = await Promise.all(['acme', 'globex', 'initech'].map(tenant => price({ host: `${tenant}.localhost` })))
    expect(new Set(prices).size).toBe(3)
    expect(await price({ 'x-tenant-id': 'globex' })).toBe(prices[1])
    expect(await price({})).toBe(prices[0])
    expect(await price({ 'host': 'acme.localhost', 'x-tenant-id': 'globex' })).toBe(421)
    expect(await price({ 'x-tenant-id': 'nobody' })).toBe(404)
    client.close()
  })

  it('people live where their id says, and are found there and among all', async () => {
    const body = JSON.stringify({ name: 'Somebody New', region: 'AU' })
    const made = await (await embedded.fetch('/api/users', { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json() as { id: string, shard: string }
    expect(made).toMatchObject({ shard: 'asia', id: expect.stringMatching(/^asia-/) as string })
    expect(await (await embedded.fetch(`/api/users/${made.id}`)).json()).toMatchObject({ name: 'Somebody New', shard: 'asia' })
    const { users, partial } = await (await embedded.fetch('/api/users')).json() as { users: { id: string }[], partial: boolean }
    expect([users[0]!.id, partial]).toEqual([made.id, false])
    const totals = await (await embedded.fetch('/api/dashboard')).json() as { shard: string, users: number }[]
    expect(totals.map(({ shard, users }) => [shard, users])).toEqual([['eu', 40], ['us', 40], ['asia', 41]])
    expect((await embedded.fetch('/api/users/eu-999')).status).toBe(404)
  })

  it('two instances fill one PostgreSQL at the same moment, and share it', async () => {
    const postgres = await startPostgres()
    const env = { DATABASE_URL: postgres.url(), NUXT_SHOP_DELAY: '1' }
    const shops = await Promise.all([startNuxt(output, { env }), startNuxt(output, { env })])
    try {
      await Promise.all(shops.map(isFilled))
      const totals = await Promise.all(shops.map(async shop => (await shop.fetch('/api/dashboard')).json()))
      expect(totals[0]).toEqual(totals[1])
      expect(totals[0]).toMatchObject([{ shard: 'eu', users: 40, orders: 60 }, { shard: 'us', users: 40 }, { shard: 'asia', users: 40 }])
      const put = await shops[0]!.fetch('/api/products/p7', { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ price: 1.25 }) })
      expect(put.status).toBe(200)
      expect(await (await shops[1]!.fetch('/api/products/p7')).json()).toMatchObject({ price: 1.25 })
      expect(await postgres.query('select count(*)::int as count from acme."Product"', 'app')).toEqual([{ count: 120 }])
    }
    finally {
      await Promise.all(shops.map(shop => shop.stop()))
      await postgres.stop()
    }
  })

  it.each([['/tenants', 'acme'], ['/people', 'asia']])('%s is a page that works', async (path, text) => {
    const { page, errors, close } = await browser.openPage(embedded.url + path, { viewport: { width: 390, height: 844 } })
    await waitFor(async () => (await page.locator('main').textContent())?.includes(text) === true)
    if (path === '/tenants') await waitFor(async () => await page.locator('.source').count() === 3)
    expect(errors).toEqual([])
    await close()
  })
})
