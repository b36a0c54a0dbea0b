import { afterEach, describe, expect, it } from 'vitest'
import { createEmbeddedServer } from '../../src/runtime/server/rabbitmq/embedded/server'
import type { OutgoingMessage } from '../../src/runtime/server/rabbitmq/message'
import { deadLetterExchange, topologyOf } from '../../src/runtime/server/rabbitmq/topology'
import { waitFor } from '../support/wait'

const message = (content: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  exchange: 'orders', routingKey: 'a', content: Buffer.from(content), mandatory: true, properties: { messageId: content, timestamp: 0, contentType: 'text/plain', headers: {} }, ...more,
})
const topology = topologyOf([{ exchange: 'orders', queue: 'work', routingKeys: ['#'], delays: [] }], { prefix: 'scale', queueType: 'quorum', deliveryLimit: 1 })

describe('the broker in the process', () => {
  const servers: ReturnType<typeof createEmbeddedServer>[] = []
  afterEach(() => servers.splice(0).forEach(server => server.stop()))

  async function start(limits = { messages: 3, bytes: 100 }) {
    const told: string[] = []
    const server = createEmbeddedServer({ limits, log: { warn: sentence => told.push(sentence) } })
    servers.push(server)
    const broker = server.connect()
    await broker.declare(topology)
    return { broker, told, server }
  }

  it('refuses what a full queue cannot hold, and takes it when there is space again', async () => {
    const { broker } = await start()
    for (const content of ['a', 'b', 'c']) await broker.publish(message(content), 1)
    await expect(broker.publish(message('d'), 1)).rejects.toMatchObject({ code: 'REFUSED', message: expect.stringContaining('the queue work is full') as string })
    const delivery = await broker.get('work')
    // Given out is not gone.
    await expect(broker.publish(message('d'), 1)).rejects.toMatchObject({ code: 'REFUSED' })
    delivery!.ack()
    await broker.publish(message('d'), 1)
    await broker.purge('work')
    await expect(broker.publish(message('x'.repeat(101)), 1)).rejects.toMatchObject({ code: 'REFUSED' })
    await broker.publish(message('x'.repeat(100)), 1)
  })

  it('keeps a dead letter where it is until its queue has space, and loses none', async () => {
    const { broker } = await start()
    const dead = { exchange: deadLetterExchange('scale'), routingKey: 'work' }
    for (const content of ['a', 'b', 'c']) await broker.publish(message(content, dead), 1)
    await broker.publish(message('d'), 1)
    ;(await broker.get('work'))!.reject(false)
    expect([await broker.count('work'), await broker.count('work.dlq')]).toEqual([0, 3])
    // It still takes a place.
    for (const content of ['e', 'f']) await broker.publish(message(content), 1)
    await expect(broker.publish(message('g'), 1)).rejects.toMatchObject({ code: 'REFUSED' })
    ;(await broker.get('work.dlq'))!.ack()
    expect(await broker.count('work.dlq')).toBe(3)
    await broker.publish(message('g'), 1)
    await broker.purge('work.dlq')
    expect(await broker.count('work')).toBe(3)
  })

  it('settles a message once', async () => {
    const { broker } = await start()
    await broker.publish(message('a'), 1)
    const delivery = (await broker.get('work'))!
    delivery.ack()
    delivery.release()
    delivery.reject(true)
    expect(await broker.get('work')).toBeUndefined()
  })

  it('does not count what was never begun towards the delivery limit', async () => {
    const { broker } = await start()
    await broker.publish(message('a'), 1)
    for (let times = 0; times < 10; times++) (await broker.get('work'))!.release()
    const back = (await broker.get('work'))!
    expect([back.deliveryCount, back.redelivered]).toEqual([0, true])
    back.reject(true)
    ;(await broker.get('work'))!.reject(true)
    await waitFor(async () => await broker.count('work.dlq') === 1)
  })

  it('gives back in the old order', async () => {
    const { broker } = await start()
    for (const content of ['a', 'b', 'c']) await broker.publish(message(content), 1)
    const [a, b] = [await broker.get('work'), await broker.get('work')]
    b!.release()
    a!.release()
    const order = [await broker.get('work'), await broker.get('work'), await broker.get('work')]
    expect(order.map(delivery => delivery!.content.toString())).toEqual(['a', 'b', 'c'])
  })

  it('leaves space for everything else when a message goes back and forth', async () => {
    const { broker } = await start({ messages: 10, bytes: 100 })
    await broker.publish(message('a'), 1)
    let times = 0
    const { cancel } = await broker.consume('work', 1, (delivery) => {
      times++
      delivery.release()
    })
    await new Promise(resolve => setTimeout(resolve, 5))
    await cancel()
    expect(times).toBeGreaterThan(1)
  })

  it('says once what was declared otherwise', async () => {
    const { broker, told } = await start()
    for (let times = 0; times < 2; times++) {
      await broker.declare({ exchanges: [{ name: 'orders', type: 'direct' }], queues: [{ name: 'work', type: 'classic' }], bindings: [] })
    }
    expect(told).toEqual(['The exchange orders already exists with the type topic instead of direct. It is used unchanged.', 'The queue work already exists with other arguments. It is used unchanged.'])
  })
})
