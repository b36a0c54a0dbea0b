import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestBrowser } from '../support/browser'
import { startBrowser } from '../support/browser'
import { buildFixture, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
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
  output = await buildFixture('playground')
  redis = await startRedis()
  const env = { NUXT_SCALE_REDIS_URL: redis.url, NUXT_SHOP_DELAY: '5' }
  ;[one, two, embedded] = await Promise.all([startNuxt(output, { env }), startNuxt(output, { env }), startNuxt(output, { env: { NUXT_SHOP_DELAY: '5' } })])
  browser = await startBrowser()
})

afterAll(async () => {
  await browser?.close()
  await Promise.all([one, two, embedded].map(instance => instance?.stop()))
  await redis?.stop()
})

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
    for (const path of ['/', '/categories/garden', '/products/p1', '/about', '/faq', '/cache']) {
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
