import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QUEUE_LIST } from '../../src/features/queue-list'
import { productionEnvironment } from '../support/environment'
import type { NuxtInstance } from '../support/nuxt'
import { buildFixture, startNuxt } from '../support/nuxt'
import { freePort } from '../support/ports'
import { startProcess } from '../support/process'
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
    await waitFor(() => instance.logs().join('\n').includes('messages live in this process'))
    expect(instance.logs().join('\n').match(/messages live in this process/g)!.length).toBe(1)
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
    expect(await failedBoot({ NUXT_SCALE_ROLE: 'worker' })).toContain('scale.role (NUXT_SCALE_ROLE) is \'worker\', and messages live in the process of each instance')
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
