import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestBrowser } from '../support/browser'
import { startBrowser } from '../support/browser'
import type { NuxtInstance } from '../support/nuxt'
import { buildFixture, startNuxt } from '../support/nuxt'
import type { PostgresServer } from '../support/postgres'
import { startPostgres } from '../support/postgres'
import { generatePrisma } from '../support/prisma'
import type { RabbitServer } from '../support/rabbitmq'
import { startRabbit } from '../support/rabbitmq'
import type { RedisServer } from '../support/redis'
import { startRedis } from '../support/redis'
import { waitFor } from '../support/wait'

interface Order { id: string, productId: string, email?: { recipient: string, attempt: number }, stock?: number }

let output: string
beforeAll(async () => {
  await generatePrisma('playground')
  output = await buildFixture('playground')
})

const isFilled = (instance: NuxtInstance) => instance.fetch('/api/tenant', { signal: AbortSignal.timeout(120_000) })
const send = (instance: NuxtInstance, method: string, path: string, body: object, headers: Record<string, string> = {}) =>
  instance.fetch(path, { method, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })

async function stockOf(instance: NuxtInstance, product: string, tenant: string): Promise<number> {
  const response = await instance.fetch(`/api/products/${product}?at=${crypto.randomUUID()}`, { headers: { 'x-tenant-id': tenant } })
  return (await response.json() as { stock: number }).stock
}

async function orderOf(instance: NuxtInstance, id: string, tenant: string): Promise<Order> {
  const orders = await (await instance.fetch('/api/orders', { headers: { 'x-tenant-id': tenant } })).json() as Order[]
  return orders.find(order => order.id === id)!
}

describe('orders in one process', () => {
  let shop: NuxtInstance
  let browser: TestBrowser
  beforeAll(async () => {
    shop = await startNuxt(output, { env: { NUXT_SHOP_DELAY: '1', NUXT_SCALE_RABBITMQ_RETRY_DELAYS: '50ms,100ms' } })
    await isFilled(shop)
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await shop?.stop()
  })

  it('a mail that fails is tried again, and the stock of the tenant goes down once', async () => {
    const response = await send(shop, 'POST', '/api/orders', { userId: 'us-1', productId: 'p5', quantity: 2, mailFailures: 2 }, { 'x-tenant-id': 'globex' })
    expect(response.status).toBe(201)
    const { id } = await response.json() as Order
    await waitFor(async () => {
      const order = await orderOf(shop, id, 'globex')
      return order.email && order.stock
    }, { timeout: 20_000 })
    expect(await orderOf(shop, id, 'globex')).toMatchObject({ email: { recipient: 'us-1@shop.example', attempt: 3 }, stock: 2 })
    // The stock of another tenant is another stock.
    expect((await orderOf(shop, id, 'acme')).stock).toBeUndefined()
  })

  it('the page orders, and shows what follows', async () => {
    const { page, errors, close } = await browser.openPage(`${shop.url}/orders`, { viewport: { width: 390, height: 844 } })
    await page.getByRole('button', { name: 'Order' }).click()
    await waitFor(async () => (await page.locator('tbody tr').first().textContent())!.includes('sent at attempt 1'), { timeout: 20_000 })
    expect(errors).toEqual([])
    await close()
  })
})

describe('orders over RabbitMQ, by a web and a worker', () => {
  let servers: [RedisServer, PostgresServer, RabbitServer]
  let web: NuxtInstance
  let worker: NuxtInstance
  let env: NodeJS.ProcessEnv
  beforeAll(async () => {
    servers = await Promise.all([startRedis(), startPostgres(), startRabbit()])
    env = { REDIS_URL: servers[0].url, DATABASE_URL: servers[1].url(), RABBITMQ_URL: servers[2].url(), NUXT_SHOP_DELAY: '1' }
    web = await startNuxt(output, { env: { ...env, NUXT_SCALE_ROLE: 'web' } })
    await isFilled(web)
  })
  afterAll(async () => {
    await Promise.all([web, worker].map(instance => instance?.stop()))
    await Promise.all(servers?.map(server => server.stop()) ?? [])
  })

  it('what was ordered while no worker had ever run is done by the first', async () => {
    const { id } = await (await send(web, 'POST', '/api/orders', { userId: 'eu-1', productId: 'p7' })).json() as Order
    await waitFor(async () => await servers[2].count('email.order-notifications') === 1, { timeout: 20_000 })
    expect((await orderOf(web, id, 'acme')).email).toBeUndefined()
    worker = await startNuxt(output, { env: { ...env, NUXT_SCALE_ROLE: 'worker' } })
    await waitFor(async () => {
      const order = await orderOf(web, id, 'acme')
      return order.email && order.stock
    }, { timeout: 30_000 })
    expect((await worker.fetch('/api/orders')).status).toBe(503)
    expect((await worker.fetch('/api/health')).status).toBe(200)
  })

  it('a person who changes is forgotten by the cache of every instance', async () => {
    const name = async () => (await (await web.fetch('/api/users/eu-2/profile')).json() as { name: string }).name
    const before = await name()
    expect((await send(web, 'PUT', '/api/users/eu-2', { name: 'Somebody Else' })).status).toBe(200)
    await waitFor(async () => await name() === 'Somebody Else', { timeout: 20_000 })
    expect(before).not.toBe('Somebody Else')
  })

  it('a worker that is told to stop leaves no order half done', async () => {
    const before = await stockOf(web, 'p9', 'initech')
    const ids = await Promise.all(Array.from({ length: 10 }, async () => (await (await send(web, 'POST', '/api/orders', { userId: 'asia-1', productId: 'p9' }, { 'x-tenant-id': 'initech' })).json() as Order).id))
    expect((await worker.stop()).signal).not.toBe('SIGKILL')
    worker = await startNuxt(output, { env: { ...env, NUXT_SCALE_ROLE: 'worker' } })
    await waitFor(async () => {
      const orders = await Promise.all(ids.map(id => orderOf(web, id, 'initech')))
      return orders.every(order => order?.email && order.stock)
    }, { timeout: 30_000 })
    expect(await servers[2].count('inventory.updates.dlq')).toBe(0)
    expect(await servers[1].query('select count(*)::int as moves, sum(quantity)::int as goods from initech."StockMove"', 'app')).toEqual([{ moves: 10, goods: 10 }])
    expect(await servers[1].query('select stock from initech."Product" where id = \'p9\'', 'app')).toEqual([{ stock: before - 10 }])
  })
})
