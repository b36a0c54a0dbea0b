import type { TracingChannel } from 'node:diagnostics_channel'
import { afterEach, expect, it } from 'vitest'
import { cacheChannel, consumeChannel, databaseChannel, publishChannel, shardChannel } from '../../src/runtime/server/core/tracing-channels'
import { createClientRegistry } from '../../src/runtime/server/database/clients'
import { createEmbeddedServer } from '../../src/runtime/server/rabbitmq/embedded/server'
import { createRabbitFeature } from '../../src/runtime/server/rabbitmq/rabbit-feature'
import { rabbitmqSettings } from '../../src/runtime/server/rabbitmq/settings'
import { runInTrace } from '../../src/runtime/server/request/trace'
import { scatterOver } from '../../src/runtime/server/shards/scatter'
import { startEmbeddedCache } from '../support/cache'
import { waitFor } from '../support/wait'

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** Records the events of a channel, and the fields of each operation without what it returned and threw. */
function listen<Operation extends object>(channel: TracingChannel<unknown, Operation>): { events: string[], operations: object[] } {
  const events: string[] = []
  const operations: object[] = []
  const note = (event: typeof EVENTS[number]) => (message: object) => {
    events.push(event)
    const { result: _, error: __, ...fields } = message as Record<string, unknown>
    if (event === 'start') operations.push(fields)
  }
  const subscribers = Object.fromEntries(EVENTS.map(event => [event, note(event)])) as unknown as Parameters<typeof channel.subscribe>[0]
  channel.subscribe(subscribers)
  stops.push(() => channel.unsubscribe(subscribers))
  return { events, operations }
}

it('a load of the cache is one operation, without its key, and a hit is none', async () => {
  const engine = startEmbeddedCache()
  stops.push(() => engine.close())
  const { events, operations } = listen(cacheChannel)
  for (let count = 0; count < 3; count++) await engine.get('user:anna@example.com', () => 1)
  expect(events).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
  expect(operations).toEqual([{ operation: 'load', surface: 'manual', name: '', keyHash: expect.stringMatching(/^[\da-f]{16}$/) as string }])
  await engine.invalidate('user:anna@example.com')
  await engine.get('user:anna@example.com', () => 1)
  await engine.get('user:ben@example.com', () => 1)
  const hashes = operations.map(operation => (operation as { keyHash: string }).keyHash)
  expect([hashes[1] === hashes[0], hashes[2] === hashes[0]]).toEqual([true, false])
  expect(JSON.stringify(operations)).not.toContain('example')
})

it.each([
  ['throws', (): never => { throw new Error('away') }],
  ['rejects', () => Promise.reject(new Error('away'))],
])('a loader that %s is an operation that ends with its error', async (_, load) => {
  const engine = startEmbeddedCache()
  stops.push(() => engine.close())
  const { events } = listen(cacheChannel)
  await expect(engine.get('key', load)).rejects.toThrow('away')
  expect(events).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
})

it('a message is published and handled as two operations, with its trace and without its routing key', async () => {
  const server = createEmbeddedServer({ limits: { messages: 10, bytes: 1000 }, log: { warn: () => {} } })
  const settings = rabbitmqSettings.resolveGiven({ retry: { delays: ['1ms'] } }, {})
  const log = { info: () => {}, warn: () => {} }
  const feature = createRabbitFeature({
    broker: Promise.resolve(server.connect()), settings, role: 'all', log, currentTenant: () => '', runAsTenant: (_, task) => task(),
  })
  stops.push(() => server.stop(), () => feature.close())
  const [published, consumed] = [listen(publishChannel), listen(consumeChannel)]
  let calls = 0
  await feature.subscribe('orders', 'mail', '#', () => {
    if (++calls === 1) throw new Error('try again')
  })
  await runInTrace({ traceparent: TRACEPARENT }, () => feature.publish('orders', 'order.anna@example.com', {}))
  await waitFor(() => consumed.events.filter(event => event === 'asyncEnd').length === 2)
  expect(published.events).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
  expect(published.operations).toEqual([{ operation: 'publish', exchange: 'orders' }])
  const first = { operation: 'process', queue: 'mail', exchange: 'orders', attempt: 1, traceparent: TRACEPARENT, tracestate: undefined }
  expect(consumed.operations).toEqual([first, { ...first, attempt: 2 }])
  expect(consumed.events).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd', 'start', 'end', 'asyncStart', 'asyncEnd'])
  await expect(feature.publish('nowhere', 'key', {})).rejects.toMatchObject({ code: 'UNROUTABLE' })
  expect(published.events.slice(4)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
})

it('a scatter is one operation, and so is the query of each shard', async () => {
  const { events, operations } = listen(shardChannel)
  const ask = (shard: string) => shard === 'us' ? Promise.reject(new Error('away')) : shard
  await scatterOver(['eu', 'us'], ask, { onError: 'partial' })
  expect(operations).toEqual([
    { operation: 'scatter', shards: ['eu', 'us'] }, { operation: 'query', shard: 'eu' }, { operation: 'query', shard: 'us' },
  ])
  expect(events.filter(event => event === 'asyncEnd')).toHaveLength(3)
  expect(events.filter(event => event === 'error')).toHaveLength(1)
})

it('a lease is one operation, with the name of a configured database and without the id of a tenant', async () => {
  const registry = createClientRegistry({
    factory: () => ({ $disconnect: async () => {} }), pool: { max: 1, acquireTimeout: 1000 }, maxClients: 5, maxConnections: 5, idleTimeout: 1000,
  })
  stops.push(() => registry.close())
  const { operations } = listen(databaseChannel)
  const spec = (name: string) => ({ name, url: `postgresql://app:secret@db/${name}` })
  registry.pin(spec('default'))
  for (const name of ['default', 'acme']) (await registry.lease(spec(name))).release()
  expect(operations).toEqual([{ operation: 'lease', group: 'default' }, { operation: 'lease', group: 'tenants' }])
})

it('without a subscriber no operation is created', async () => {
  const channels = [cacheChannel, publishChannel, consumeChannel, shardChannel, databaseChannel]
  expect(channels.map(channel => channel.hasSubscribers)).toEqual(channels.map(() => false))
  const created: object[] = []
  for (const channel of channels) {
    const { tracePromise } = channel
    channel.tracePromise = ((run: () => Promise<unknown>, operation: object) => {
      created.push(operation)
      return run()
    }) as typeof tracePromise
    stops.push(() => void (channel.tracePromise = tracePromise))
  }
  const engine = startEmbeddedCache()
  stops.push(() => engine.close())
  await engine.get('key', () => 1)
  await scatterOver(['eu', 'us'], shard => shard)
  expect(created).toEqual([])
})
