import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestBrowser } from '../support/browser'
import { startBrowser } from '../support/browser'
import { createClient } from '../support/http-client'
import { buildFixture, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import { generatePrisma } from '../support/prisma'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { waitFor } from '../support/wait'

let redis: RedisServer
let postgres: PostgresServer
let output: string
let one: NuxtInstance
let two: NuxtInstance
let embedded: NuxtInstance
let browser: TestBrowser

beforeAll(async () => {
  await generatePrisma('playground')
  output = await buildFixture('playground')
  ;[redis, postgres] = await Promise.all([startRedis(), startPostgres()])
  // Both fill the same databases at the same moment.
  const env = { NUXT_SCALE_REDIS_URL: redis.url, DATABASE_URL: postgres.url(), NUXT_SHOP_DELAY: '5' }
  ;[one, two, embedded] = await Promise.all([startNuxt(output, { env }), startNuxt(output, { env }), startNuxt(output, { env: { NUXT_SHOP_DELAY: '5' } })])
  await Promise.all([one, two, embedded].map(isFilled))
  browser = await startBrowser()
})

afterAll(async () => {
  await browser?.close()
  await Promise.all([one, two, embedded].map(instance => instance?.stop()))
  await Promise.all([redis?.stop(), postgres?.stop()])
})

/** Requests wait until the databases are filled, which takes a while for one inside a process on a busy machine. */
async function isFilled(instance: NuxtInstance): Promise<void> {
  await instance.fetch('/api/tenant', { signal: AbortSignal.timeout(120_000) })
}

const source = async (instance: NuxtInstance, path: string) => /detail=(\w+)/.exec((await instance.fetch(path)).headers.get('cache-status') ?? '')?.[1] ?? null

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
    for (const path of ['/', '/categories/garden', '/products/p1', '/about', '/faq', '/cache', '/tenants', '/people', '/people/eu-10', '/products', '/dashboard']) {
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

describe('lists', () => {
  interface Page { items: { id: string, createdAt: string }[], pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string, endCursor: string } }
  const get = async <Body>(path: string, headers: Record<string, string> = {}) => {
    const response = await embedded.fetch(path, { headers })
    return { status: response.status, body: await response.json() as Body }
  }

  it('of the newest products go on by signed cursors to the end and back, each product once', async () => {
    const pages: Page[] = []
    for (let cursor = ''; ;) {
      const { body } = await get<Page>(`/api/products/newest?limit=50${cursor && `&cursor=${cursor}`}`)
      pages.push(body)
      if (!body.pageInfo.hasNextPage) break
      cursor = body.pageInfo.endCursor
    }
    const ids = pages.flatMap(({ items }) => items.map(({ id }) => id))
    expect([pages.map(({ items }) => items.length), ids[0], ids.at(-1), new Set(ids).size]).toEqual([[50, 50, 20], 'p120', 'p1', 120])
    const { body: before } = await get<Page>(`/api/products/newest?limit=50&cursor=${pages[2]!.pageInfo.startCursor}`)
    expect(before.items).toEqual(pages[1]!.items)
    const { endCursor } = pages[0]!.pageInfo
    expect((await get(`/api/products/newest?limit=50&cursor=${endCursor.slice(0, -1)}${endCursor.endsWith('A') ? 'B' : 'A'}`)).status).toBe(400)
    expect((await get(`/api/products/newest?limit=50&cursor=${endCursor}`, { 'x-tenant-id': 'globex' })).status).toBe(400)
  })

  it('of all products have page numbers and totals, within bounds', async () => {
    const { body } = await get<{ items: { category: { name: string } }[], pagination: object }>('/api/products?page=3&limit=50')
    expect([body.items.length, body.pagination, typeof body.items[0]!.category.name]).toEqual([20, { page: 3, limit: 50, total: 120, totalPages: 3 }, 'string'])
    for (const query of ['limit=51', 'page=0', 'page=1.5', 'page=1&page=2']) expect((await get(`/api/products?${query}`)).status).toBe(400)
  })

  it('are read by an index, whatever the page', async () => {
    const plan = async (schema: string, query: string) => {
      // So few rows fit into one page of the disk, which the planner would rather read whole.
      const client = new pg.Client({ connectionString: postgres.url(), options: `-c search_path=${schema} -c enable_seqscan=off -c enable_sort=off` })
      await client.connect()
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain ${query}`).finally(() => client.end())
      return rows.map(row => row['QUERY PLAN']).join('\n')
    }
    expect(await plan('acme', 'select * from "Product" where ("createdAt", "id") < (now(), \'x\') order by "createdAt" desc, "id" desc limit 13')).toContain('Product_createdAt_id_idx')
    expect(await plan('acme', 'select * from "Product" order by "name", "id" limit 10 offset 20')).toContain('Product_name_id_idx')
    expect(await plan('shard_eu', 'select * from "Order" where "userId" = \'eu-10\' order by "createdAt" desc, "id" desc limit 6')).toContain('Order_userId_createdAt_id_idx')
    const indexes = (await postgres.query<{ name: string }>(`select indexname as name from pg_indexes where schemaname = 'shard_eu' and tablename = 'Post'`, 'app')).map(({ name }) => name)
    expect(indexes).toEqual(expect.arrayContaining(['authorId', 'categoryId', 'createdAt', 'published_createdAt'].map(columns => `Post_${columns}_idx`)))
  })

  it('of a person\'s orders come from their shard', async () => {
    const { body } = await get<Page & { pagination: object }>('/api/users/us-10/orders')
    expect([body.items.length, body.pagination, body.pageInfo.hasNextPage]).toEqual([5, { limit: 5, total: 12, totalPages: 3 }, true])
    expect(body.items.map(({ createdAt }) => createdAt)).toEqual(body.items.map(({ createdAt }) => createdAt).sort().reverse())
    const { body: next } = await get<Page>(`/api/users/us-10/orders?cursor=${body.pageInfo.endCursor}`)
    expect(new Set([...body.items, ...next.items].map(({ id }) => id)).size).toBe(10)
    expect((await get('/api/users/us-999/orders')).body).toMatchObject({ items: [], pagination: { total: 0 } })
  })
})

describe('pages', () => {
  it('lead forward and back by cursors and by numbers', async () => {
    const { page, errors, close } = await browser.openPage(embedded.url)
    const first = () => page.locator('article h3').first().textContent()
    const turn = async (name: string) => {
      const before = await first()
      await page.getByRole('button', { name, exact: true }).or(page.getByRole('link', { name, exact: true })).first().click()
      await waitFor(async () => await first() !== before)
      return first()
    }
    const start = await first()
    const second = await turn('Next')
    const third = await turn('Next')
    expect(new Set([start, second, third]).size).toBe(3)
    expect(await turn('Previous')).toBe(second)
    expect(await turn('Previous')).toBe(start)
    await page.getByRole('link', { name: 'Products', exact: true }).click()
    await waitFor(async () => (await page.locator('main').textContent())?.includes('page 1 of 10'))
    await turn('Page 10')
    expect(await page.locator('main').textContent()).toContain('page 10 of 10')
    expect(await page.locator('[aria-current=page]').last().textContent()).toContain('10')
    await page.getByRole('link', { name: 'People', exact: true }).click()
    await page.locator('main li a').first().click()
    await waitFor(async () => (await page.locator('main').textContent())?.includes('Orders'))
    expect(errors).toEqual([])
    await close()
  })

  it.each(['light', 'dark'] as const)('fit on a phone, also with the colours of %s', async (colorScheme) => {
    for (const path of ['/', '/products?page=5', '/people', '/people/eu-10', '/dashboard', '/tenants', '/cache', '/products/p1']) {
      const { page, errors, close } = await browser.openPage(embedded.url + path, { colorScheme, viewport: { width: 360, height: 740 } })
      const { wide, background } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth - innerWidth, background: getComputedStyle(document.documentElement).backgroundColor }))
      expect([path, Math.max(0, wide)]).toEqual([path, 0])
      const [red = 0] = background.match(/\d+/g)!.map(Number)
      expect(red < 100).toBe(colorScheme === 'dark')
      expect(errors).toEqual([])
      await close()
    }
  })

  it('draw the numbers of the shards', async () => {
    const { page, errors, close } = await browser.openPage(`${embedded.url}/dashboard`)
    await waitFor(() => page.evaluate(() => {
      const canvas = document.querySelector('canvas')!
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
      // The blue of the people's bars.
      return data.some((value, at) => at % 4 === 0 && value === 47 && data[at + 1] === 127 && data[at + 2] === 209)
    }))
    const rows = await page.locator('tbody tr').allTextContents()
    expect(rows.map(row => row.trim().split(/\s+/)[0]!.slice(0, 2))).toEqual(['eu', 'us', 'as'])
    expect(errors).toEqual([])
    await close()
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

it('the cache page shows an invalidation at once for what the browser has stored too', async () => {
  const { page, close } = await browser.openPage(`${embedded.url}/cache`)
  const source = (path: string) => page.locator('tbody tr', { hasText: path }).locator('.source')
  const routes = ['/api/products?page=1', '/api/products/p1', '/api/offers']
  const ask = page.getByRole('button', { name: 'Request again' })
  await waitFor(async () => await source('/api/offers').textContent() !== 'uncacheable' && await ask.isEnabled())
  await ask.click()
  for (const path of routes) await waitFor(async () => await source(path).textContent() === 'l1')
  await page.locator('[name=way]').selectOption('tag')
  await page.locator('[name=value]').fill('products')
  await page.getByRole('button', { name: 'Invalidate' }).click()
  for (const path of routes) await waitFor(async () => await source(path).textContent() === 'loader', { message: () => path })
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
    const totals = await (await embedded.fetch('/api/dashboard/stats')).json() as { shard: string, users: number }[]
    expect(totals.map(({ shard, users }) => [shard, users])).toEqual([['eu', 40], ['us', 40], ['asia', 41]])
    expect((await embedded.fetch('/api/users/eu-999')).status).toBe(404)
  })

  it('two instances that filled one PostgreSQL at the same moment share it', async () => {
    const totals = await Promise.all([one, two].map(async shop => (await shop.fetch('/api/dashboard/stats')).json()))
    expect(totals[0]).toEqual(totals[1])
    expect(totals[0]).toMatchObject([{ shard: 'eu', users: 40, orders: 104, newUsers: 6 }, { shard: 'us', users: 40 }, { shard: 'asia', users: 40 }])
    const put = await one.fetch('/api/products/p7', { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ price: 1.25 }) })
    expect(put.status).toBe(200)
    expect(await (await two.fetch('/api/products/p7')).json()).toMatchObject({ price: 1.25 })
    expect(await postgres.query('select count(*)::int as count from acme."Product"', 'app')).toEqual([{ count: 120 }])
  })

  it.each([['/tenants', 'acme'], ['/people', 'asia'], ['/dashboard', 'Comments']])('%s is a page that works', async (path, text) => {
    const { page, errors, close } = await browser.openPage(embedded.url + path, { viewport: { width: 390, height: 844 } })
    await waitFor(async () => (await page.locator('main').textContent())?.includes(text) === true)
    if (path === '/tenants') await waitFor(async () => await page.locator('.source').count() === 3)
    expect(errors).toEqual([])
    await close()
  })
})
