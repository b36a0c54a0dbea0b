import { beforeEach, describe, expect, it } from 'vitest'
import type { Fault } from '../../src/runtime/server/rabbitmq/fault'
import type { BufferOptions } from '../../src/runtime/server/rabbitmq/amqp/publish-buffer'
import type { PublishChannel, Publisher } from '../../src/runtime/server/rabbitmq/amqp/publisher'
import { createPublisher } from '../../src/runtime/server/rabbitmq/amqp/publisher'
import type { OutgoingMessage } from '../../src/runtime/server/rabbitmq/message'
import { ManualClock, settle } from '../support/manual-clock.ts'
import { messageOf, outcomeOf, tally } from '../support/messages.ts'

interface Port extends PublishChannel {
  /** Ids of what was sent, in order. */
  sent: string[]
  checks: { exchange: string, answer: (fault?: Fault) => void }[]
  abandoned: string[]
}

let clock: ManualClock
let publisher: Publisher

/** A channel of a broker that answers when the test says so; its exchanges are all there unless they are named `unchecked…`. */
function port(send: (message: OutgoingMessage) => void = () => {}): Port {
  const made: Port = {
    sent: [],
    checks: [],
    abandoned: [],
    publish(message) {
      send(message)
      made.sent.push(message.properties.messageId)
    },
    check: exchange => exchange.startsWith('unchecked') ? new Promise(answer => made.checks.push({ exchange, answer })) : Promise.resolve(undefined),
    abandon: reason => made.abandoned.push(reason),
  }
  return made
}

function create(window = 4, buffer: Partial<BufferOptions> = {}): void {
  clock = new ManualClock()
  publisher = createPublisher({ window, buffer: { messages: 100, bytes: 10_000, onFull: 'reject', ...buffer }, clock, soon: queueMicrotask })
}

const publish = (id: string, message: Parameters<typeof messageOf>[1] = {}, timeout = 1000) => outcomeOf(publisher.publish(messageOf(id, message), timeout))
const publishMany = (count: number, timeout?: number) => Array.from({ length: count }, (_, index) => publish(String(index), {}, timeout))

async function openPort(send?: Parameters<typeof port>[0]): Promise<Port> {
  const opened = port(send)
  publisher.open(opened)
  await settle()
  return opened
}

beforeEach(() => create())

describe('window', () => {
  it('sends no more than it holds, and resolves on the confirm only', async () => {
    const channel = await openPort()
    const outcomes = publishMany(6)
    await settle()
    expect(channel.sent).toEqual(['0', '1', '2', '3'])
    let stored = 0
    for (const outcome of outcomes) void outcome.then(() => stored++)
    publisher.confirmed(2, true, true)
    await settle()
    expect(stored).toBe(2)
    expect(channel.sent).toEqual(['0', '1', '2', '3', '4', '5'])
    publisher.confirmed(6, true, true)
    expect(tally(await Promise.all(outcomes))).toEqual({ stored: 6 })
    expect(publisher.pending).toBe(0)
  })

  it('sends what was not confirmed again, first and in order, on the next channel', async () => {
    await openPort()
    const outcomes = publishMany(6)
    await settle()
    publisher.confirmed(2, false, true)
    expect(publisher.lost({ text: 'cut' })).toBe(4)
    const next = await openPort()
    expect(next.sent).toEqual(['0', '2', '3', '4'])
    publisher.confirmed(4, true, true)
    await settle()
    publisher.confirmed(5, true, true)
    expect(tally(await Promise.all(outcomes))).toEqual({ stored: 6 })
  })

  it('rejects what the broker could not store', async () => {
    await openPort()
    const outcome = publish('a')
    await settle()
    publisher.confirmed(1, false, false)
    expect(await outcome).toBe('REFUSED')
  })

  it('rejects the one of two equal messages that was returned', async () => {
    await openPort()
    const outcomes = [publish('same', { routingKey: 'nobody' }), publish('same', { routingKey: 'somebody' }), publish('same', { routingKey: 'nobody' })]
    await settle()
    publisher.returned({ messageId: 'same', exchange: 'events', routingKey: 'nobody' })
    publisher.confirmed(3, true, true)
    expect(await Promise.all(outcomes)).toEqual(['UNROUTABLE', 'stored', 'stored'])
  })

  it('rejects what cannot be written and sends the others', async () => {
    await openPort(({ routingKey }) => {
      if (routingKey === 'bad') throw new TypeError('Field routingKey is too long')
    })
    const outcomes = [publish('a'), publish('b', { routingKey: 'bad' }), publish('c')]
    await settle()
    publisher.confirmed(2, true, true)
    expect(await Promise.all(outcomes)).toEqual(['stored', 'REFUSED', 'stored'])
  })
})

describe('buffer', () => {
  it('rejects at once what does not fit, by messages and by bytes', async () => {
    create(4, { messages: 3, bytes: 100 })
    const outcomes = [publish('a', { content: Buffer.alloc(60) }), publish('b', { content: Buffer.alloc(50) }), publish('c'), publish('d'), publish('e')]
    expect(await outcomes[1]).toBe('BUFFER_FULL')
    expect(await outcomes[4]).toBe('BUFFER_FULL')
    await expect(publisher.publish(messageOf('huge', { content: Buffer.alloc(101) }), 1000)).rejects.toThrow('scale.rabbitmq.buffer.bytes')
    await openPort()
    publisher.confirmed(3, true, true)
    expect(tally(await Promise.all(outcomes))).toEqual({ stored: 3, BUFFER_FULL: 2 })
  })

  it('has space again for the bytes that were confirmed, refused or too late', async () => {
    create(4, { bytes: 100 })
    await openPort()
    const large = { content: Buffer.alloc(80) }
    const confirmed = publish('a', large)
    await settle()
    publisher.confirmed(1, false, true)
    const refused = publish('b', large)
    await settle()
    publisher.confirmed(2, false, false)
    const late = publish('c', large, 100)
    await settle()
    await clock.advance(100)
    const last = publish('d', large)
    await settle()
    publisher.confirmed(4, true, true)
    expect(await Promise.all([confirmed, refused, late, last])).toEqual(['stored', 'REFUSED', 'UNKNOWN_OUTCOME', 'stored'])
  })

  it('lets those who wait in, in order, as soon as there is space', async () => {
    create(4, { messages: 2, onFull: 'wait' })
    const channel = await openPort()
    const outcomes = publishMany(5)
    await settle()
    expect(channel.sent).toEqual(['0', '1'])
    publisher.confirmed(1, false, true)
    await settle()
    expect(channel.sent).toEqual(['0', '1', '2'])
    publisher.confirmed(3, true, true)
    await settle()
    publisher.confirmed(5, true, true)
    expect(tally(await Promise.all(outcomes))).toEqual({ stored: 5 })
  })

  it('says BLOCKED while the broker takes nothing', async () => {
    create(4, { messages: 2 })
    const channel = await openPort()
    publisher.block(true)
    const outcomes = publishMany(3)
    expect(await outcomes[2]).toBe('BLOCKED')
    expect(channel.sent).toEqual([])
    publisher.block(false)
    await settle()
    expect(channel.sent).toEqual(['0', '1'])
    publisher.confirmed(2, true, true)
    expect(tally(await Promise.all(outcomes))).toEqual({ stored: 2, BLOCKED: 1 })
  })

  it('has one timer for all, and frees what expired', async () => {
    create(4, { messages: 10 })
    const outcomes = publishMany(10, 500)
    expect(clock.timers.size).toBe(1)
    await clock.advance(500)
    expect(tally(await Promise.all(outcomes))).toEqual({ UNAVAILABLE: 10 })
    expect(publisher.pending).toBe(0)
    expect(clock.timers.size).toBe(0)
    const later = publish('later')
    const channel = await openPort()
    expect(channel.sent).toEqual(['later'])
    publisher.confirmed(1, false, true)
    expect(await later).toBe('stored')
  })
})

describe('deadlines', () => {
  it('tells what may be stored from what is not', async () => {
    create(2, { messages: 4, onFull: 'wait' })
    await openPort()
    const outcomes = publishMany(6, 500)
    await settle()
    await clock.advance(500)
    expect(tally(await Promise.all(outcomes))).toEqual({ UNKNOWN_OUTCOME: 2, UNAVAILABLE: 2, BUFFER_FULL: 2 })
  })

  it('does not send again what its caller was told about', async () => {
    await openPort()
    const outcome = publish('a', {}, 500)
    await settle()
    await clock.advance(500)
    expect(await outcome).toBe('UNKNOWN_OUTCOME')
    publisher.lost({ text: 'cut' })
    expect((await openPort()).sent).toEqual([])
  })
})

describe('exchanges', () => {
  it('holds only the messages of an exchange that is being checked', async () => {
    const channel = await openPort()
    const outcomes = [publish('a', { exchange: 'unchecked' }), publish('b'), publish('c', { exchange: 'unchecked' })]
    await settle()
    expect(channel.sent).toEqual(['b'])
    expect(channel.checks.map(check => check.exchange)).toEqual(['unchecked'])
    channel.checks[0]!.answer()
    await settle()
    expect(channel.sent).toEqual(['b', 'a', 'c'])
    publisher.confirmed(3, true, true)
    expect(tally(await Promise.all(outcomes))).toEqual({ stored: 3 })
  })

  it('rejects the messages of an exchange that is refused, and asks again for the next one', async () => {
    const channel = await openPort()
    const outcomes = [publish('a', { exchange: 'unchecked' }), publish('b')]
    await settle()
    channel.checks[0]!.answer({ text: 'ACCESS_REFUSED', code: 403 })
    publisher.confirmed(1, false, true)
    expect(await Promise.all(outcomes)).toEqual(['EXCHANGE', 'stored'])
    void publish('c', { exchange: 'unchecked' })
    await settle()
    expect(channel.checks).toHaveLength(2)
  })

  it('asks on the next channel where the first one gave no answer', async () => {
    const first = await openPort()
    const outcome = publish('a', { exchange: 'unchecked' })
    await settle()
    first.checks[0]!.answer({ text: 'no answer' })
    await settle()
    expect(first.abandoned).toEqual(['no answer'])
    publisher.lost({ text: 'abandoned' })
    const next = await openPort()
    next.checks[0]!.answer()
    await settle()
    publisher.confirmed(1, false, true)
    expect(await outcome).toBe('stored')
  })
})

describe('a message that channels die of', () => {
  /** Confirms what is sent, one at a time, on channels that die of the message `bad`. */
  async function serve(fault: Fault): Promise<number> {
    let channels = 0
    for (; channels < 20 && publisher.pending > 0; channels++) {
      const channel = await openPort()
      let seen = 0
      while (channel.sent.length > seen && channel.sent[seen] !== 'bad') {
        publisher.confirmed(++seen, false, true)
        await settle()
      }
      if (channel.sent.length === seen) return channels
      publisher.lost(fault)
    }
    return channels
  }

  it('is found and is the only one that fails', async () => {
    const ids = ['a', 'b', 'bad', 'c', 'd', 'e']
    const outcomes = ids.map(id => publish(id))
    expect(await serve({ text: 'NOT_FOUND - no exchange', code: 404 })).toBeLessThan(5)
    expect(await Promise.all(outcomes)).toEqual(['stored', 'stored', 'EXCHANGE', 'stored', 'stored', 'stored'])
  })

  it('is tried three times where the reason may pass', async () => {
    const outcomes = ['a', 'bad', 'b'].map(id => publish(id))
    await serve({ text: 'INTERNAL_ERROR', code: 541 })
    expect(await Promise.all(outcomes)).toEqual(['stored', 'REFUSED', 'stored'])
  })

  it('is not looked for where the connection was merely cut', async () => {
    void publish('a')
    await openPort()
    publisher.lost({ text: 'ECONNRESET' })
    publisher.lost({ text: 'CONNECTION_FORCED', code: 320 })
    expect((await openPort()).sent).toEqual(['a'])
  })
})

describe('end', () => {
  it('takes nothing more, waits for what is there, and rejects what is left', async () => {
    create(1)
    await openPort()
    const outcomes = publishMany(3)
    await settle()
    let finished = false
    void publisher.finish().then(() => finished = true)
    expect(await publish('late')).toBe('CLOSED')
    publisher.confirmed(1, false, true)
    await settle()
    expect(finished).toBe(false)
    publisher.end()
    expect(await Promise.all(outcomes)).toEqual(['stored', 'UNKNOWN_OUTCOME', 'CLOSED'])
    await settle()
    expect(finished).toBe(true)
    expect(clock.timers.size).toBe(0)
  })
})
