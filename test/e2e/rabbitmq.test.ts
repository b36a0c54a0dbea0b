import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { QUEUE_LIST } from '../../src/build/rabbitmq-queues'
import { productionEnvironment } from '../support/environment'
import type { NuxtInstance } from '../support/nuxt'
import { buildFixture, startNuxt } from '../support/nuxt'
import { freePort } from '../support/ports'
import { startProcess } from '../support/process'
import type { RabbitServer } from '../support/rabbitmq'
import { startRabbit } from '../support/rabbitmq'
import { createTemporaryDirectory } from '../support/temporary-directory'
import type { ServerCertificates } from '../support/tls'
import { createServerCertificates } from '../support/tls'
import { waitFor } from '../support/wait'

const fixture = 'test/fixtures/rabbitmq'
let output: string
let instance: NuxtInstance

beforeAll(async () => {
  output = await buildFixture(fixture)
  instance = await startNuxt(output)
})
afterAll(() => instance?.stop())

interface Seen { by: string, [key: string]: unknown }

async function publish(message: unknown, { routingKey = 'order.created', exchange = 'orders', headers = {}, options = {} } = {}) {
  const response = await instance.fetch('/api/publish', { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ exchange, routingKey, message, options }) })
  return await response.json() as { stored: boolean, code?: string }
}
const seenBy = async (by: string) => await (await instance.fetch(`/api/seen?by=${by}`)).json() as Seen[]

describe('an app with messages in its process', () => {
  it('says so at boot', async () => {
    await waitFor(() => instance.logs().join('\n').includes('messages are kept in this process'))
    expect(instance.logs().join('\n').match(/messages are kept in this process/g)!.length).toBe(1)
  })

  it('brings an order to all who want it, with its tenant and its trace', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    expect(await publish({ orderId: 1 }, { headers: { 'x-tenant-id': 'globex', traceparent } })).toEqual({ stored: true })
    await waitFor(async () => (await seenBy('mail')).length === 1 && (await seenBy('audit')).length === 1)
    expect(await seenBy('mail')).toEqual([{ by: 'mail', orderId: 1, attempt: 1, appId: 'rabbitmq-fixture', traceparent, tenant: 'globex' }])
    expect(await seenBy('audit')).toEqual([{ by: 'audit', message: { orderId: 1 }, routingKey: 'order.created' }])
  })

  it('runs a subscription of a plugin', async () => {
    await publish({ userId: 7 }, { exchange: 'users', routingKey: 'user.updated' })
    await waitFor(async () => (await seenBy('users')).length === 1)
    expect(await seenBy('users')).toEqual([{ by: 'users', message: { userId: 7 }, cache: 'object' }])
  })

  it('tells who publishes what nobody takes', async () => {
    expect(await publish({}, { exchange: 'users', routingKey: 'user.none' })).toMatchObject({ stored: false, code: 'UNROUTABLE' })
  })

  it('is healthy without a broker to look at', async () => {
    expect((await instance.fetch('/api/health')).status).toBe(200)
  })

  it('stops at once when nothing is under way', async () => {
    const other = await startNuxt(output)
    expect((await other.stop()).signal).not.toBe('SIGKILL')
  })
})

describe('the build', () => {
  it('lists the queues for the command line', () => {
    expect(JSON.parse(readFileSync(join(output, QUEUE_LIST), 'utf8'))).toEqual({ queues: [
      { source: 'layers/base/server/consumers/audit.ts', queue: 'audit' },
      { source: 'server/consumers/held.ts', queue: 'held' },
      { source: 'server/consumers/mail/order-created.ts', queue: 'mail.order-created' },
    ] })
  })

  it('keeps amqplib as a package next to it', () => {
    expect(Object.keys((JSON.parse(readFileSync(join(output, 'server/package.json'), 'utf8')) as { dependencies: object }).dependencies)).toContain('amqplib')
    expect(readFileSync(join(output, 'server/node_modules/amqplib/package.json'), 'utf8')).toContain('"name": "amqplib"')
  })

  it('refuses two consumers of one queue with the names of both', async () => {
    const build = buildFixture(fixture, { env: { TWIN: '1' }, buildDir: '.nuxt/twin', outputDir: '.output/twin' })
    await expect(build).rejects.toThrow('layers/base/server/consumers/audit.ts and twin/server/consumers/audit-again.ts both consume the queue audit')
  })
})

/** Starts a server that must not come up, and returns what it said. */
async function failedBoot(env: NodeJS.ProcessEnv): Promise<string> {
  const server = await startProcess({ command: process.execPath, name: 'a server that fails', args: [join(output, 'server/index.mjs')], env: productionEnvironment({ PORT: String(await freePort()), ...env }) })
  expect((await server.exited).code).not.toBe(0)
  return server.output().join('\n')
}

describe('roles', () => {
  it('need a broker between the instances', async () => {
    expect(await failedBoot({ NUXT_SCALE_ROLE: 'worker' })).toContain('scale.role (NUXT_SCALE_ROLE) is \'worker\', but no URL of RabbitMQ is set, so messages cannot reach another instance')
    expect(await failedBoot({ NUXT_SCALE_ROLE: 'boss' })).toContain('scale.role (NUXT_SCALE_ROLE) is "boss": write \'all\', \'web\', \'worker\'.')
  })

  it('a worker boots while its broker is down, answers for its health alone, and stops', async () => {
    const port = await freePort()
    const worker = await startNuxt(output, { env: { NUXT_SCALE_ROLE: 'worker', RABBITMQ_URL: `amqp://app:hunter2@127.0.0.1:${port}` } })
    try {
      const refused = await worker.fetch('/api/seen?by=mail')
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
      expect((await worker.fetch('/')).status).toBe(503)
      const health = await worker.fetch('/api/health')
      expect([health.status, await health.json()]).toEqual([503, { status: 'error', timestamp: expect.any(String) as string }])
      expect(worker.logs().join('\n')).not.toContain('hunter2')
    }
    finally {
      expect((await worker.stop()).signal).not.toBe('SIGKILL')
    }
  })
})

describe('a server that is told to stop, with 200 messages in its hands and 2,000 publishes without a confirm', () => {
  const directory = createTemporaryDirectory('stopped')
  let certificates: ServerCertificates
  let rabbit: RabbitServer

  beforeAll(async () => {
    certificates = await createServerCertificates(directory.path)
    rabbit = await startRabbit({ tls: certificates })
    await rabbit.onChannel(async (channel) => {
      await channel.assertExchange('flood', 'topic')
      await channel.assertQueue('flooded', { arguments: { 'x-queue-type': 'quorum' } })
      await channel.bindQueue('flooded', 'flood', '#')
    })
  })
  afterAll(async () => {
    await rabbit?.stop()
    directory.remove()
  })

  const ids = Array.from({ length: 200 }, (_, index) => String(index))
  const endless = (id: string) => Number(id) % 2 === 1

  async function giveWork(): Promise<void> {
    const channel = await (await rabbit.client()).createConfirmChannel()
    for (const id of ids) channel.sendToQueue('held', Buffer.from(JSON.stringify({ id, endless: endless(id) })), { messageId: id, contentType: 'application/json', persistent: true })
    await channel.waitForConfirms()
  }

  const heldBy = async (server: NuxtInstance) => await (await server.fetch('/api/seen?by=held')).json() as { id: string, redelivered: boolean }[]
  const sorted = (list: readonly string[] = []) => [...list].sort((one, other) => Number(one) - Number(other))

  it.each(['goes on', 'stays silent'])('ends by itself, knows what is stored, and leaves to another what it has not finished, when RabbitMQ %s', async (then) => {
    const outcomes = join(directory.path, `${then}.json`)
    const first = await startNuxt(output, { env: { RABBITMQ_URL: rabbit.url(), OUTCOMES_FILE: outcomes } })
    onTestFinished(async () => void await first.kill())
    await waitFor(async () => await rabbit.count('held') === 0, { timeout: 20_000 })
    await giveWork()
    await waitFor(async () => (await heldBy(first)).length === 200, { timeout: 20_000 })

    const flood = (...ids: string[]) => first.fetch('/api/flood', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ exchange: 'flood', ids }) })
    // The first to an exchange waits for more than a confirm.
    await flood('first')
    await waitFor(async () => await rabbit.count('flooded') === 1, { timeout: 20_000 })

    await rabbit.pause()
    onTestFinished(() => rabbit.resume())
    await flood(...Array.from({ length: 2000 }, (_, index) => String(index)))
    const ended = first.stop()
    await waitFor(() => first.logs().includes('The server is told to stop.'))
    if (then === 'goes on') await rabbit.resume()
    expect(await ended).toEqual({ code: 0, signal: null })
    await rabbit.resume()

    const { published, handled } = JSON.parse(readFileSync(outcomes, 'utf8')) as { published: Record<string, string[]>, handled: string[] }
    const stored = (await rabbit.drain('flooded')).map(message => message.messageId)
    // The first is stored in any case.
    expect([stored.shift(), published.stored?.shift()]).toEqual(['first', 'first'])
    expect(new Set(stored).size).toBe(stored.length)
    expect(sorted(handled)).toEqual(ids.filter(id => !endless(id)))
    if (then === 'goes on') {
      expect(Object.keys(published)).toEqual(['stored'])
      expect(sorted(published.stored)).toEqual(sorted(stored))
      expect(stored.length).toBe(2000)
    }
    else {
      // The window was sent, and the rest never was.
      expect([published.stored, published.UNKNOWN_OUTCOME?.length, published.CLOSED?.length]).toEqual([[], 256, 2000 - 256])
      expect(stored.filter(id => published.CLOSED?.includes(id))).toEqual([])
    }

    // By the way: over TLS, under an authority of its own.
    const second = await startNuxt(output, { env: { RABBITMQ_URL: rabbit.secureUrl(), NUXT_SCALE_RABBITMQ_TLS_CA: certificates.ca } })
    onTestFinished(async () => void await second.kill())
    // What was acknowledged while RabbitMQ was silent for good never came to it.
    const left = then === 'goes on' ? ids.filter(endless) : ids
    await waitFor(async () => (await heldBy(second)).length >= left.length && await rabbit.count('held') === 0, { timeout: 60_000, message: 'the second server to get what is left' })
    const again = await heldBy(second)
    expect([sorted(again.map(({ id }) => id)), again.every(({ redelivered }) => redelivered)]).toEqual([left, true])
    await second.stop()
    expect([await rabbit.count('held'), await rabbit.count('held.dlq')]).toEqual([0, 0])
  })
})
