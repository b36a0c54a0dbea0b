import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { GetMessage } from 'amqplib'
import { connect } from 'amqplib'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { composeMessage } from '../../src/runtime/server/rabbitmq/compose-message'
import type { TlsSettings } from '../../src/runtime/server/core/tls'
import { CONNECT_TIMEOUT, PUBLISH_TIMEOUT, collector, connectBroker, openBroker, queueTopology, untilState } from '../support/amqp-broker.ts'
import { messageOf, outcomeOf, tally } from '../support/messages.ts'
import { freePort } from '../support/ports.ts'
import type { RabbitServer } from '../support/rabbitmq.ts'
import { startRabbit } from '../support/rabbitmq.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import type { ServerCertificates } from '../support/tls.ts'
import { createServerCertificates } from '../support/tls.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { trackUnhandledRejections, waitFor } from '../support/wait.ts'

let server: RabbitServer

let certificates: ServerCertificates
let foreign: ServerCertificates
const directories = [createTemporaryDirectory('tls'), createTemporaryDirectory('tls')] as const

beforeAll(async () => {
  [certificates, foreign] = await Promise.all([createServerCertificates(directories[0].path, 'IP:127.0.0.1,DNS:rabbit.internal'), createServerCertificates(directories[1].path)])
  server = await startRabbit({ tls: certificates })
})

afterAll(async () => {
  await server?.stop()
  directories.forEach(directory => directory.remove())
})

async function proxied() {
  const proxy = await startTcpProxy(server.port)
  onTestFinished(() => proxy.close())
  return proxy
}

const soon = (message: string) => ({ timeout: 30_000, message })

describe('connecting', () => {
  it('opens one connection to publish and one to consume, under their names', async () => {
    const { broker } = await connectBroker(server, { appId: 'shop' })
    expect(broker.state).toBe('connected')
    const names = await server.control('list_connections', 'client_properties')
    expect(names).toContain(`shop (publishing, pid ${process.pid})`)
    expect(names).toContain(`shop (consuming, pid ${process.pid})`)
  })

  it('takes the hosts in turn', async () => {
    const dead = await freePort()
    const { broker } = openBroker([server.url(dead), server.url(dead), server.url()])
    await broker.connect(CONNECT_TIMEOUT)
    expect(broker.state).toBe('connected')
  })

  it('rejects at its timeout when nobody answers, and goes on', async () => {
    const port = await freePort()
    const tested = openBroker([server.url(port)])
    const error = await tested.broker.connect(300).catch((reason: Error) => reason)
    expect(error).toMatchObject({ message: expect.stringMatching(new RegExp(`^RabbitMQ at amqp://127\\.0\\.0\\.1:${port} cannot be reached within 300 ms \\(.*ECONNREFUSED.*\\)\\.$`)) })
    const proxy = await startTcpProxy(server.port, { port })
    onTestFinished(() => proxy.close())
    await tested.broker.connect(CONNECT_TIMEOUT)
    expect(tested.broker.state).toBe('connected')
  })

  it('gives up an attempt on a server that accepts and says nothing', async () => {
    const sockets = new Set<Socket>()
    const silent = createServer(socket => sockets.add(socket.on('error', () => {}).resume()))
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      sockets.forEach(socket => socket.destroy())
      silent.close()
    })
    const { port } = silent.address() as AddressInfo
    const { broker, lines } = openBroker([server.url(port)], { connectTimeout: 200 })
    await expect(broker.connect(5000)).rejects.toThrow('no connection within 200 ms')
    // Every attempt ended its socket.
    await waitFor(() => [...sockets].filter(socket => !socket.destroyed).length <= 2, soon('the sockets to end'))
    expect(lines).toHaveLength(1)
  })

  it('shows no secret, neither when it is refused nor later', async () => {
    const url = server.url().replace(server.password, 'wrong-hunter2')
    const { broker, lines } = openBroker([url])
    const error = await broker.connect(2000).catch((reason: Error) => reason)
    expect(String(error)).toContain('ACCESS_REFUSED')
    expect(lines[0]).toContain('ACCESS_REFUSED')
    expect(JSON.stringify([lines, String(error), (error as Error).stack])).not.toContain('hunter2')
  })

  it('tells once that it is lost and once that it is back', async () => {
    const proxy = await proxied()
    const tested = openBroker([server.url(proxy.port)])
    const states: string[] = []
    tested.broker.onState(state => states.push(state))
    await tested.broker.connect(CONNECT_TIMEOUT)
    proxy.refuse()
    proxy.cut()
    await untilState(tested, 'connecting')
    await waitFor(() => tested.lines.length === 1, soon('the news'))
    await proxy.accept()
    await untilState(tested, 'connected')
    expect(tested.lines).toEqual([
      expect.stringMatching(/^RabbitMQ at amqp:\/\/127\.0\.0\.1:\d+ is not available: /),
      expect.stringMatching(/^RabbitMQ at amqp:\/\/127\.0\.0\.1:\d+ is available again\.$/),
    ])
    expect(states).toEqual(['connected', 'connecting', 'connected'])
  })

  it('keeps the context of the request that used it first out of everything', async () => {
    const request = new AsyncLocalStorage<string>()
    const proxy = await proxied()
    const tested = openBroker([server.url(proxy.port)])
    const seen: (string | undefined)[] = []
    const states: string[] = []
    tested.broker.onState((state) => {
      states.push(state)
      seen.push(request.getStore())
    })
    const got = collector((delivery) => {
      seen.push(request.getStore())
      delivery.ack()
    })
    await request.run('tenant', async () => {
      await tested.broker.connect(CONNECT_TIMEOUT)
      await tested.broker.declare(queueTopology('context', { type: 'classic' }))
      await tested.broker.consume('context', 10, got.take)
      await tested.broker.publish(messageOf('a', { exchange: 'context' }), PUBLISH_TIMEOUT)
      expect(request.getStore()).toBe('tenant')
    })
    await got.reach(1)
    states.length = 0
    proxy.cut()
    // Polling would miss a state that lasts only a few milliseconds.
    await waitFor(() => states.includes('connecting') && states.at(-1) === 'connected', soon('a new connection'))
    await request.run('tenant', () => tested.broker.publish(messageOf('b', { exchange: 'context' }), PUBLISH_TIMEOUT))
    await got.reach(2)
    expect(seen.length).toBeGreaterThanOrEqual(5)
    expect(seen.filter(store => store !== undefined)).toEqual([])
  })
})

describe('over TLS', () => {
  const trusted = () => ({ ca: certificates.ca })

  it.each<[string, () => TlsSettings, string?]>([
    ['its address', trusted],
    ['a name that is given', () => ({ ...trusted(), servername: 'rabbit.internal' }), 'localhost'],
    ['a certificate to show', () => ({ ...trusted(), cert: certificates.certificate, key: certificates.key })],
  ])('publishes and consumes under an authority of one\'s own, by %s', async (_, tls, host) => {
    const { broker, lines } = openBroker([server.secureUrl(host)], { tls: tls() })
    await broker.connect(CONNECT_TIMEOUT)
    const topology = queueTopology('secure', { type: 'classic' })
    await broker.declare(topology)
    // Larger than a record of TLS and a frame of AMQP.
    const content = Buffer.alloc(300_000, 'x')
    await broker.publish(messageOf('a', { exchange: 'secure', content }), PUBLISH_TIMEOUT)
    const got = collector()
    await broker.consume('secure', 10, got.take)
    await got.reach(1)
    expect(got.deliveries[0]!.content.equals(content)).toBe(true)
    expect(lines).toEqual([])
  })

  it.each<[string, () => TlsSettings | undefined, string]>([
    ['of an authority that nobody knows', () => undefined, 'self-signed certificate in certificate chain'],
    ['of another authority', () => ({ ca: foreign.ca }), 'self-signed certificate in certificate chain'],
    ['of another name', () => ({ ...trusted(), servername: 'other.internal' }), 'does not match certificate\'s altnames'],
    ['that refuses the certificate it is shown', () => ({ ...trusted(), cert: foreign.certificate, key: foreign.key }), 'alert'],
  ])('gets nowhere with a server %s, and says why in one line', async (_, tls, reason) => {
    const { broker, lines } = openBroker([server.secureUrl()], { tls: tls() })
    broker.connect(CONNECT_TIMEOUT).catch(() => {})
    await waitFor(() => lines.length === 1, soon('the reason'))
    expect(lines[0]).toMatch(/^RabbitMQ at amqps:\/\/127\.0\.0\.1:\d+ is not available: [^\n]*$/)
    expect(lines[0]).toContain(reason)
    await expect(broker.connect(1)).rejects.toThrow(reason)
  })

  it('says what is wrong when one side speaks TLS and the other does not', async () => {
    for (const [url, reason] of [[server.secureUrl().replace('amqps:', 'amqp:'), /ECONNRESET|closed/], [server.url().replace('amqp:', 'amqps:'), /wrong version number/]] as const) {
      const { broker, lines } = openBroker([url])
      broker.connect(CONNECT_TIMEOUT).catch(() => {})
      await waitFor(() => lines.length === 1, soon('the reason'))
      expect(lines[0]).toMatch(reason)
    }
  })
})

describe.each([['frames of its own', true], ['publish() of amqplib', false]])('publishing by %s', (_, frames) => {
  /** A server for each way, because the tests name their queues. */
  let server: RabbitServer
  beforeAll(async () => {
    server = await startRabbit()
  })
  afterAll(() => server?.stop())

  it('resolves when the message is stored, with all of its properties', async () => {
    const { broker } = await connectBroker(server, { frames, appId: 'shop' })
    await broker.declare(queueTopology('stored'))
    await broker.publish({
      ...messageOf('id-1', { exchange: 'stored', content: Buffer.from('{"a":1}') }),
      properties: { messageId: 'id-1', type: 'order', timestamp: 1_700_000_000, contentType: 'application/json', correlationId: 'c', replyTo: 'r', headers: { attempt: 2, sure: true, name: 'x', share: 0.5, huge: 2 ** 60 } },
    }, PUBLISH_TIMEOUT)
    expect(await broker.count('stored')).toBe(1)
    const delivery = await broker.get('stored')
    expect(delivery).toMatchObject({
      queue: 'stored',
      exchange: 'stored',
      routingKey: 'order.created',
      redelivered: false,
      deliveryCount: 0,
      properties: { messageId: 'id-1', type: 'order', appId: 'shop', timestamp: 1_700_000_000, contentType: 'application/json', correlationId: 'c', replyTo: 'r', headers: { attempt: 2, sure: true, name: 'x', share: 0.5, huge: 2 ** 60 } },
    })
    expect(delivery!.content.toString()).toBe('{"a":1}')
    delivery!.ack()
    await waitFor(async () => await server.count('stored') === 0, soon('the queue to be empty'))
  })

  it('makes the exchange that a message names, and reaches a queue by the default exchange', async () => {
    const { broker } = await connectBroker(server, { frames })
    await broker.declare({ exchanges: [], queues: [{ name: 'direct', type: 'classic' }], bindings: [] })
    expect(await outcomeOf(broker.publish(messageOf('a', { exchange: 'made', mandatory: false }), PUBLISH_TIMEOUT))).toBe('stored')
    expect(await outcomeOf(broker.publish(messageOf('b', { exchange: '', routingKey: 'direct' }), PUBLISH_TIMEOUT))).toBe('stored')
    expect(await server.count('direct')).toBe(1)
    await server.onChannel(channel => channel.assertExchange('made', 'topic', { durable: true }))
  })

  it('rejects what no queue takes, and only that', async () => {
    const { broker } = await connectBroker(server, { frames })
    await broker.declare({ exchanges: [{ name: 'some', type: 'topic' }], queues: [{ name: 'some', type: 'classic' }], bindings: [{ queue: 'some', exchange: 'some', routingKey: 'taken' }] })
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, index) =>
      outcomeOf(broker.publish(messageOf(String(index), { exchange: 'some', routingKey: index % 10 === 0 ? 'nobody' : 'taken' }), PUBLISH_TIMEOUT))))
    expect(tally(outcomes)).toEqual({ stored: 90, UNROUTABLE: 10 })
    expect(outcomes.filter((_, index) => index % 10 === 0)).toEqual(Array.from({ length: 10 }, () => 'UNROUTABLE'))
    expect(await server.count('some')).toBe(90)
  })

  it('fails the one message to an exchange that cannot be, amid 100 good ones', async () => {
    const { broker } = await connectBroker(server, { frames })
    await broker.declare(queueTopology('good', { type: 'classic' }))
    const outcomes = await Promise.all(Array.from({ length: 101 }, (_, index) =>
      outcomeOf(broker.publish(messageOf(String(index), { exchange: index === 50 ? 'amq.nowhere' : 'good' }), PUBLISH_TIMEOUT))))
    expect(tally(outcomes)).toEqual({ stored: 100, EXCHANGE: 1 })
    expect(outcomes[50]).toBe('EXCHANGE')
    expect(await server.count('good')).toBe(100)
  })

  it('fails the one message that the broker closes the channel over, and stores the others', async () => {
    const { broker } = await connectBroker(server, { frames })
    await broker.declare(queueTopology('beside', { type: 'classic' }))
    // It exists, so the check is content, and whoever publishes to it loses the channel.
    await server.onChannel(channel => channel.assertExchange('internal', 'topic', { durable: true, internal: true }))
    const outcomes = await Promise.all(Array.from({ length: 101 }, (_, index) =>
      outcomeOf(broker.publish(messageOf(String(index), { exchange: index === 50 ? 'internal' : 'beside' }), PUBLISH_TIMEOUT))))
    expect(tally(outcomes)).toEqual({ stored: 100, EXCHANGE: 1 })
    expect(outcomes[50]).toBe('EXCHANGE')
    expect(broker.state).toBe('connected')
    const stored = await server.drain('beside')
    expect(new Set(stored.map(message => message.messageId)).size).toBe(100)
  })

  it('makes an exchange again that was deleted while it was in use', async () => {
    const { broker } = await connectBroker(server, { frames })
    await broker.declare(queueTopology('gone', { type: 'classic' }))
    await broker.publish(messageOf('a', { exchange: 'gone' }), PUBLISH_TIMEOUT)
    await server.onChannel(channel => channel.deleteExchange('gone'))
    expect(await outcomeOf(broker.publish(messageOf('b', { exchange: 'gone' }), PUBLISH_TIMEOUT))).toBe('EXCHANGE')
    // The binding went with the exchange.
    expect(await outcomeOf(broker.publish(messageOf('c', { exchange: 'gone', mandatory: false }), PUBLISH_TIMEOUT))).toBe('stored')
  })

  it('uses an exchange of another type as it is, and tells so once', async () => {
    await server.onChannel(channel => channel.assertExchange('other-type', 'fanout', { durable: true }))
    const { broker, lines } = await connectBroker(server, { frames })
    await broker.declare({ exchanges: [], queues: [{ name: 'fanned', type: 'classic' }], bindings: [{ queue: 'fanned', exchange: 'other-type', routingKey: '' }] })
    for (const id of ['a', 'b']) await broker.publish(messageOf(id, { exchange: 'other-type' }), PUBLISH_TIMEOUT)
    expect(await server.count('fanned')).toBe(2)
    expect(lines).toEqual([expect.stringContaining('The exchange "other-type" already exists with other arguments and is used unchanged: its type is \'fanout\' on RabbitMQ, but \'topic\' is configured.')])
  })

  it('rejects what the queue refuses, and what cannot be written', async () => {
    await server.onChannel(channel => channel.assertQueue('full', { durable: true, arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } }))
    const { broker } = await connectBroker(server, { frames })
    const outcomes: string[] = []
    for (const id of ['a', 'b']) outcomes.push(await outcomeOf(broker.publish(messageOf(id, { exchange: '', routingKey: 'full' }), PUBLISH_TIMEOUT)))
    outcomes.push(await outcomeOf(broker.publish(messageOf('c', { exchange: '', routingKey: 'x'.repeat(300) }), PUBLISH_TIMEOUT)))
    expect(outcomes).toEqual(['stored', 'REFUSED', 'REFUSED'])
  })

  it('stores all of 5,000 messages over three cuts, and tells of none that is not stored', async () => {
    const proxy = await startTcpProxy(server.port)
    onTestFinished(() => proxy.close())
    const tested = openBroker([server.url(proxy.port)], { frames })
    await tested.broker.connect(CONNECT_TIMEOUT)
    await tested.broker.declare(queueTopology('cut', { type: 'classic' }))
    const outcomes: Promise<string>[] = []
    for (let index = 0; index < 5000; index++) {
      outcomes.push(outcomeOf(tested.broker.publish(messageOf(String(index), { exchange: 'cut' }), PUBLISH_TIMEOUT)))
      if (index % 100 === 0) await outcomes[Math.max(0, index - 500)]
      if (index % 1500 === 1000) proxy.cut()
    }
    expect(tally(await Promise.all(outcomes))).toEqual({ stored: 5000 })
    const stored = await server.drain('cut')
    expect(new Set(stored.map(message => message.messageId)).size).toBe(5000)
  })
})

describe('topology', () => {
  const everything = {
    exchanges: [{ name: 'shop', type: 'topic' as const }, { name: 'shop.dead', type: 'direct' as const }],
    queues: [
      { name: 'shop.work', type: 'quorum' as const, deliveryLimit: 20, deadLetterExchange: 'shop.dead', deadLetterKey: 'shop.work' },
      { name: 'shop.work.dlq', type: 'quorum' as const },
      { name: 'shop.wait', type: 'quorum' as const, messageTtl: 300, deadLetterExchange: 'shop' },
      { name: 'shop.classic', type: 'classic' as const },
    ],
    bindings: [
      { queue: 'shop.work', exchange: 'shop', routingKey: 'order.#' },
      { queue: 'shop.work.dlq', exchange: 'shop.dead', routingKey: 'shop.work' },
    ],
  }

  it('is declared, and what is rejected or waits its time goes where it says', async () => {
    const { broker, lines } = await connectBroker(server)
    await broker.declare(everything)
    expect(await server.control('list_queues', 'name', 'arguments')).toContain('"at-least-once"')
    const got = collector(delivery => delivery.reject(false))
    await broker.consume('shop.work', 10, got.take)
    await broker.publish(messageOf('rejected', { exchange: 'shop' }), PUBLISH_TIMEOUT)
    await waitFor(async () => await broker.count('shop.work.dlq') === 1, soon('the dead letter'))
    await broker.publish(messageOf('waits', { exchange: '', routingKey: 'shop.wait' }), PUBLISH_TIMEOUT)
    // It comes back under the name of the queue, for which nothing is bound: dropped, as nobody takes it.
    await waitFor(async () => await broker.count('shop.wait') === 0, soon('the wait to end'))
    expect(lines).toEqual([])
  })

  it('is declared again on a new connection', async () => {
    const proxy = await proxied()
    const tested = openBroker([server.url(proxy.port)])
    await tested.broker.declare(queueTopology('again', { type: 'classic' }))
    await tested.broker.connect(CONNECT_TIMEOUT)
    expect(await tested.broker.count('again')).toBe(0)
    proxy.refuse()
    proxy.cut()
    await untilState(tested, 'connecting')
    await server.onChannel(async (channel) => {
      await channel.deleteQueue('again')
      await channel.deleteExchange('again')
    })
    const waiting = outcomeOf(tested.broker.publish(messageOf('held', { exchange: 'again' }), PUBLISH_TIMEOUT))
    await proxy.accept()
    expect(await waiting).toBe('stored')
    expect(await server.count('again')).toBe(1)
  })

  it('leaves a queue that differs as it is, tells the difference once, and uses it', async () => {
    await server.onChannel(channel => channel.assertQueue('drifted', { durable: true, arguments: { 'x-queue-type': 'classic', 'x-max-length': 1000 } }))
    const proxy = await proxied()
    const tested = openBroker([server.url(proxy.port)])
    await tested.broker.declare(queueTopology('drifted'))
    await tested.broker.connect(CONNECT_TIMEOUT)
    const got = collector()
    const subscription = await tested.broker.consume('drifted', 10, got.take)
    expect(subscription.active).toBe(true)
    await tested.broker.publish(messageOf('a', { exchange: 'drifted' }), PUBLISH_TIMEOUT)
    await got.reach(1)
    proxy.cut()
    await untilState(tested, 'connecting')
    await untilState(tested, 'connected')
    await tested.broker.publish(messageOf('b', { exchange: 'drifted' }), PUBLISH_TIMEOUT)
    await got.reach(2)
    expect(tested.lines.filter(line => line.includes('"drifted"'))).toEqual([
      expect.stringMatching(/^The queue "drifted" already exists with other arguments and is used unchanged: its x-[\w-]+ is .+ on RabbitMQ, but .+ is configured\. /),
    ])
  })

  it('goes on past what it may not declare', async () => {
    await server.control('add_user', 'reader', 'hunter2')
    await server.control('set_permissions', 'reader', '^allowed', '.*', '.*')
    await server.onChannel(channel => channel.assertQueue('forbidden', { durable: true }))
    const { broker, lines } = openBroker([server.url().replace(/\/\/.*@/, '//reader:hunter2@')])
    await broker.connect(CONNECT_TIMEOUT)
    await broker.declare({
      exchanges: [{ name: 'forbidden-exchange', type: 'topic' }, { name: 'allowed-exchange', type: 'topic' }],
      queues: [{ name: 'forbidden', type: 'classic' }, { name: 'forbidden-too', type: 'classic' }, { name: 'allowed', type: 'classic' }],
      bindings: [{ queue: 'allowed', exchange: 'allowed-exchange', routingKey: '#' }],
    })
    expect(await outcomeOf(broker.publish(messageOf('a', { exchange: 'allowed-exchange' }), PUBLISH_TIMEOUT))).toBe('stored')
    expect(await server.count('allowed')).toBe(1)
    // The queue "forbidden" exists, and more is not needed.
    expect(lines.map(line => /"([^"]+)"/.exec(line)?.[1])).toEqual(['forbidden-exchange', 'forbidden-too'])
  })
})

describe('questions', () => {
  it('counts, takes and purges, and knows a queue that is not there', async () => {
    const { broker } = await connectBroker(server)
    await broker.declare(queueTopology('asked', { type: 'classic' }))
    for (const id of ['a', 'b', 'c']) await broker.publish(messageOf(id, { exchange: 'asked' }), PUBLISH_TIMEOUT)
    const first = await broker.get('asked')
    expect([await broker.count('missing'), await broker.get('missing'), await broker.purge('missing')]).toEqual([undefined, undefined, 0])
    expect(await broker.count('asked')).toBe(2)
    // The questions about what is missing closed no channel that messages were taken on.
    first!.ack()
    expect(await broker.purge('asked')).toBe(2)
    expect(await broker.get('asked')).toBeUndefined()
    await broker.close(2000)
    expect(await server.count('asked')).toBe(0)
  })

  it('rejects while it is not connected', async () => {
    const { broker } = openBroker([server.url(await freePort())])
    await expect(broker.count('q')).rejects.toThrow('RabbitMQ is not connected')
  })
})

describe('closing', () => {
  it('settles what is left, tells the last acknowledgements, and ends every connection', async () => {
    const rejections = trackUnhandledRejections()
    onTestFinished(() => rejections.stop())
    const { broker } = await connectBroker(server)
    await broker.declare(queueTopology('closing', { type: 'classic' }))
    await Promise.all(Array.from({ length: 50 }, (_, index) => broker.publish(messageOf(String(index), { exchange: 'closing' }), PUBLISH_TIMEOUT)))
    const got = collector()
    await broker.consume('closing', 100, got.take)
    await got.reach(50)
    const outcomes = Array.from({ length: 2000 }, (_, index) => outcomeOf(broker.publish(messageOf(`late-${index}`, { exchange: 'closing' }), PUBLISH_TIMEOUT)))
    await broker.close(20_000)
    expect(broker.state).toBe('closed')
    expect(tally(await Promise.all(outcomes))).toEqual({ stored: 2000 })
    expect(await server.count('closing')).toBe(2000)
    expect(await outcomeOf(broker.publish(messageOf('x'), 1000))).toBe('CLOSED')
    await expect(broker.consume('closing', 1, () => {})).rejects.toThrow('closed')
    await expect(broker.connect(1000)).rejects.toThrow('closed')
    await broker.close(1)
    expect(rejections.list).toEqual([])
  })

  it('ends at once when it was never used or never connected', async () => {
    await openBroker([server.url()]).broker.close(1000)
    const { broker } = openBroker([server.url(await freePort())])
    await broker.connect(50).catch(() => {})
    const outcome = outcomeOf(broker.publish(messageOf('a'), 60_000))
    await broker.close(300)
    expect(await outcome).toBe('CLOSED')
  })
})

describe('clients that are not this one', () => {
  it('answers a caller that waits at its direct reply-to address, and is not told that the answer found no queue', async () => {
    const { broker } = await connectBroker(server)
    const foreign = await connect(server.url())
    onTestFinished(() => foreign.close())
    const channel = await foreign.createChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    const answers: string[] = []
    await channel.consume('amq.rabbitmq.reply-to', message => void answers.push(`${message!.properties.correlationId} ${message!.content}`), { noAck: true })
    channel.sendToQueue(queue, Buffer.from('{}'), { replyTo: 'amq.rabbitmq.reply-to', correlationId: 'c1' })
    const request = await waitFor(() => channel.get(queue, { noAck: true }))
    const { replyTo, correlationId } = (request as GetMessage).properties
    const context = { appId: undefined, tenant: '', trace: undefined, now: Date.now() }
    await broker.publish(composeMessage('', replyTo, { total: 7 }, { correlationId }, context), PUBLISH_TIMEOUT)
    await waitFor(() => answers.length > 0)
    expect(answers).toEqual(['c1 {"total":7}'])
  })

  it('gives on what has no content type as octets', async () => {
    const { broker } = await connectBroker(server)
    const name = 'bare'
    await broker.declare(queueTopology(name))
    const taken = collector()
    await broker.consume(name, 1, taken.take)
    const foreign = await connect(server.url())
    onTestFinished(() => foreign.close())
    const channel = await foreign.createConfirmChannel()
    channel.sendToQueue(name, Buffer.from('{"orderId":1}'), { persistent: true })
    await channel.waitForConfirms()
    await taken.reach(1)
    expect(taken.deliveries[0]!.properties.contentType).toBe('application/octet-stream')
  })
})
