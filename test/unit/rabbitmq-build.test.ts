import { mkdirSync, writeFileSync } from 'node:fs'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { parseAst } from 'rollup/parseAst'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { consumersModule } from '../../src/build/rabbitmq'
import { findConsumers } from '../../src/build/rabbitmq-consumers'
import { createQueueListPlugin } from '../../src/build/rabbitmq-queues'
import { closeToRequests } from '../../src/runtime/server/rabbitmq/worker'
import { createTemporaryDirectory } from '../support/temporary-directory'

const directory = createTemporaryDirectory('consumers')
afterAll(() => directory.remove())

function write(...files: string[]): void {
  for (const file of files) {
    mkdirSync(dirname(join(directory.path, file)), { recursive: true })
    writeFileSync(join(directory.path, file), 'export default {}')
  }
}

describe('the consumers of an app', () => {
  it('are those of its folders, the app before its layers', () => {
    write('app/mail.ts', 'app/billing/paid.mjs', 'app/notes.md', 'app/mail.test.ts', 'app/types.d.ts', 'layer/mail.js', 'layer/stock.ts')
    const folders = ['app', 'none', 'layer'].map(folder => join(directory.path, folder))
    expect(findConsumers(folders).map(file => file.slice(directory.path.length + 1))).toEqual(['app/billing/paid.mjs', 'app/mail.ts', 'layer/stock.ts'])
  })

  it('are there once there is something in them', () => {
    write('later/full.ts')
    writeFileSync(join(directory.path, 'later/empty.ts'), '')
    const found = () => findConsumers([join(directory.path, 'later')]).length
    expect(found()).toBe(1)
    write('later/empty.ts')
    expect(found()).toBe(2)
  })

  it('are imported with the name of their file', () => {
    expect(consumersModule(['/shop/server/consumers/a.ts'], '/shop')).toBe('import consumer0 from "/shop/server/consumers/a.ts"\nexport default [\n  { source: "server/consumers/a.ts", consumer: consumer0 },\n]\n')
    expect(consumersModule([], '/shop')).toBe('export default [\n]\n')
  })

  it.each([
    ['export default defineRabbitConsumer({ exchange: "a", queue: "mail", handler() {} })', 'mail'],
    ['const consumer = defineRabbitConsumer({ "queue": "mail" })\nexport { consumer as default }', 'mail'],
    ['const queue = name()\nexport default defineRabbitConsumer({ queue })', null],
    ['export default defineRabbitConsumer({ queue: `a-${b}` })', null],
    ['export default defineRabbitConsumer(options)', null],
    ['export default other({ queue: "mail" })', null],
  ])('%j names the queue %j', (code, queue) => {
    const told: unknown[] = []
    const plugin = createQueueListPlugin(() => ['/a.ts'], (file, name) => told.push([file, name]))
    const parsed = plugin.moduleParsed as unknown as (module: object) => void
    parsed({ id: '/a.ts', ast: parseAst(code) })
    parsed({ id: '/b.ts', ast: parseAst('defineRabbitConsumer({ queue: "other" })') })
    expect(told).toEqual([['/a.ts', queue]])
  })
})

describe('a worker', () => {
  it('answers what is open and what the server asks of itself, and nothing else', () => {
    const handler = vi.fn(() => 'answer')
    const app = { handler: handler as never as (event: object) => unknown }
    closeToRequests(app as never, path => path === '/api/health')
    const event = (path: string, req: object = new IncomingMessage(new Socket())) => ({ path, node: { req, res: {} } })
    expect(app.handler(event('/api/health?full=1'))).toBe('answer')
    expect(app.handler(event('/api/orders', {}))).toBe('answer')
    expect(() => app.handler(event('/api/orders'))).toThrow(expect.objectContaining({ statusCode: 503, code: 'WORKER_ONLY', retryAfter: 5 }))
  })
})
