import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAcknowledgements, readProperties } from '../../src/runtime/server/rabbitmq/amqp/delivery-channel'
import { createBufferBudget, createDeadlines, createFifo } from '../../src/runtime/server/rabbitmq/amqp/publish-buffer'
import { createConfirmWindow } from '../../src/runtime/server/rabbitmq/amqp/publish-port'
import { blamesClient, faultOf, isPassing } from '../../src/runtime/server/rabbitmq/fault'
import { parseBrokerHost } from '../../src/runtime/server/rabbitmq/amqp/broker-host'
import { queueArguments, isAtLeast, parseVersion } from '../../src/runtime/server/rabbitmq/amqp/queue-arguments'
import { ManualClock } from '../support/manual-clock.ts'

describe('acknowledgements', () => {
  /** A broker that knows which of its deliveries are settled, and refuses what RabbitMQ would. */
  function brokerOf(count: number) {
    const unsettled = new Set(Array.from({ length: count }, (_, index) => index + 1))
    const frames: [tag: number, multiple: boolean][] = []
    return {
      unsettled,
      frames,
      settle: (tag: number) => unsettled.delete(tag),
      ack(tag: number, multiple: boolean) {
        if (!unsettled.has(tag)) throw new Error(`406 unknown delivery tag ${tag}`)
        frames.push([tag, multiple])
        for (const each of [...unsettled]) {
          if (multiple ? each <= tag : each === tag) unsettled.delete(each)
        }
      },
    }
  }

  it('says "all up to here" once for what is settled without a gap', () => {
    const broker = brokerOf(100)
    const acks = createAcknowledgements(broker.ack, () => {})
    for (let tag = 1; tag <= 100; tag++) acks.ack(tag)
    acks.flush()
    expect(broker.frames).toEqual([[100, true]])
  })

  it('names each one behind a gap, and goes on together when it closes', () => {
    const broker = brokerOf(6)
    const acks = createAcknowledgements(broker.ack, () => {})
    for (const tag of [1, 2, 4, 5]) acks.ack(tag)
    acks.flush()
    expect(broker.frames).toEqual([[2, true], [4, false], [5, false]])
    for (const tag of [3, 6]) acks.ack(tag)
    acks.flush()
    expect(broker.frames.slice(3)).toEqual([[6, true]])
  })

  it('wakes once for what comes together', () => {
    let woken = 0
    const acks = createAcknowledgements(() => {}, () => woken++)
    acks.ack(1)
    acks.ack(2)
    acks.flush()
    acks.ack(3)
    expect(woken).toBe(2)
  })

  it('settles exactly what was settled, whatever the order', () => {
    const step = fc.record({ tag: fc.integer({ min: 1, max: 40 }), how: fc.constantFrom('ack', 'reject'), flush: fc.boolean() })
    fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const broker = brokerOf(40)
      const acks = createAcknowledgements(broker.ack, () => {})
      const done = new Set<number>()
      for (const { tag, how, flush } of steps) {
        if (!done.has(tag)) {
          done.add(tag)
          if (how === 'ack') {
            acks.ack(tag)
          }
          else {
            broker.settle(tag)
            acks.settled(tag)
          }
        }
        if (flush) {
          acks.flush()
          expect([...broker.unsettled].filter(each => done.has(each))).toEqual([])
        }
        // Above all: nothing that is being handled is ever taken off.
        for (let each = 1; each <= 40; each++) if (!done.has(each)) expect(broker.unsettled.has(each)).toBe(true)
      }
    }))
  })
})

describe('confirm window', () => {
  it('hands out each message once, in order, for single and for joint confirms', () => {
    const window = createConfirmWindow<string>()
    for (const item of ['a', 'b', 'c', 'd']) window.add(item)
    const got: string[] = []
    window.confirm(3, false, item => got.push(item))
    window.confirm(3, true, item => got.push(item))
    window.confirm(3, true, item => got.push(item))
    window.confirm(9, false, item => got.push(item))
    expect(got).toEqual(['c', 'a', 'b'])
    expect(window.size).toBe(1)
    expect(window.drain()).toEqual(['d'])
    window.add('first of the next channel')
    window.confirm(1, false, item => got.push(item))
    expect(got.at(-1)).toBe('first of the next channel')
  })
})

describe('fifo', () => {
  it('behaves like an array', () => {
    const command = fc.oneof(
      fc.record({ kind: fc.constant('push' as const), item: fc.integer() }),
      fc.record({ kind: fc.constant('shift' as const) }),
      fc.record({ kind: fc.constant('unshift' as const), items: fc.array(fc.integer(), { maxLength: 5 }) }),
      fc.record({ kind: fc.constant('filter' as const), parity: fc.integer({ min: 0, max: 1 }) }),
    )
    fc.assert(fc.property(fc.array(command), (commands) => {
      const fifo = createFifo<number>()
      let model: number[] = []
      for (const step of commands) {
        if (step.kind === 'push') {
          fifo.push(step.item)
          model.push(step.item)
        }
        else if (step.kind === 'shift') {
          expect(fifo.shift()).toBe(model.shift())
        }
        else if (step.kind === 'unshift') {
          fifo.unshift(step.items)
          model = [...step.items, ...model]
        }
        else {
          fifo.filter(item => Math.abs(item % 2) === step.parity)
          model = model.filter(item => Math.abs(item % 2) === step.parity)
        }
        expect(fifo.size).toBe(model.length)
        expect(fifo.first).toBe(model[0])
      }
      expect(fifo.drain()).toEqual(model)
    }))
  })

  it('keeps its order over many thousands', () => {
    const fifo = createFifo<number>()
    const out: (number | undefined)[] = []
    for (let item = 0; item < 10_000; item++) {
      fifo.push(item)
      if (item % 3 === 0) out.push(fifo.shift())
    }
    while (fifo.size > 0) out.push(fifo.shift())
    expect(out).toEqual(Array.from({ length: 10_000 }, (_, index) => index))
  })
})

describe('budget', () => {
  it('counts messages and bytes', () => {
    const budget = createBufferBudget({ messages: 2, bytes: 100 })
    expect(budget.fits(101)).toBe(false)
    budget.take(60)
    expect([budget.fits(40), budget.fits(41)]).toEqual([true, false])
    budget.take(10)
    expect(budget.fits(0)).toBe(false)
    budget.give(60)
    expect(budget).toMatchObject({ messages: 1, bytes: 10 })
    expect(budget.fits(90)).toBe(true)
  })
})

describe('deadlines', () => {
  it('has one timer, for the earliest', async () => {
    const clock = new ManualClock()
    const looks: number[] = []
    const due = [500, 100, 300]
    const deadlines = createDeadlines((now) => {
      looks.push(now)
      return Math.min(...due.filter(moment => moment > now), Number.POSITIVE_INFINITY)
    }, clock)
    for (const moment of due) deadlines.watch(moment)
    expect(clock.timers.size).toBe(1)
    await clock.advance(1000)
    expect(looks).toEqual([100, 300, 500])
    expect(clock.timers.size).toBe(0)
    deadlines.watch(2000)
    deadlines.stop()
    deadlines.watch(1500)
    expect(clock.timers.size).toBe(0)
  })
})

describe('host', () => {
  it('takes the secret out of the address', () => {
    const host = parseBrokerHost('amqps://us%C3%A9r:p%40ss%2F@broker.example:5671/%2Fshop', 12)
    expect(host).toEqual({ label: 'amqps://broker.example:5671/%2Fshop', address: 'amqps://broker.example:5671/%2Fshop?heartbeat=12', user: 'usér', password: 'p@ss/' })
  })

  it('knows the defaults, and leaves a heartbeat of the URL alone', () => {
    expect(parseBrokerHost('amqp://localhost?heartbeat=3', 12)).toEqual({ label: 'amqp://localhost', address: 'amqp://localhost?heartbeat=3', user: 'guest', password: 'guest' })
  })

  it.each(['http://app:hunter2@host', 'app:hunter2@host', 'amqp://app:hunter2%@host', 'amqp://app:hunter2@', 'amqp:///vhost'])('refuses %s without quoting it', (url) => {
    expect(() => parseBrokerHost(url, 10)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('hunter2') }))
  })
})

describe('faults', () => {
  const coded = (message: string, code?: number) => Object.assign(new Error(message), { code })

  it('keeps the words of the broker', () => {
    expect(faultOf(coded('Channel closed by server: 404 (NOT-FOUND) with message "NOT_FOUND - no exchange \'x\' in vhost \'/\'"', 404)))
      .toEqual({ text: 'NOT_FOUND - no exchange \'x\' in vhost \'/\'', code: 404 })
    expect(faultOf(Object.assign(new Error('several'), { message: '', code: 'ECONNREFUSED' }))).toEqual({ text: 'ECONNREFUSED' })
    expect(faultOf(undefined)).toEqual({ text: 'the connection was closed' })
  })

  it('tells what passes from what does not', () => {
    expect(isPassing({ text: 'NOT_FOUND - home node \'rabbit@b\' of durable queue \'q\' in vhost \'/\' is down or inaccessible', code: 404 })).toBe(true)
    expect(isPassing({ text: 'NOT_FOUND - no queue \'q\' in vhost \'/\'', code: 404 })).toBe(false)
    expect([541, 320, 403, 406].map(code => isPassing({ text: '', code }))).toEqual([true, true, false, false])
    expect([541, 320, 406, undefined].map(code => blamesClient({ text: '', code }))).toEqual([true, false, true, false])
  })
})

describe('queue arguments', () => {
  const [old, recent] = [parseVersion('3.10.8'), parseVersion('4.3.0-rc.1')]

  it('reads versions, and takes a server that tells none for an old one', () => {
    expect(recent).toEqual({ major: 4, minor: 3 })
    expect(parseVersion(undefined)).toEqual(old)
    expect([isAtLeast(old, 3, 10), isAtLeast(old, 3, 11), isAtLeast(old, 4), isAtLeast(recent, 4), isAtLeast(recent, 3, 12)]).toEqual([true, false, false, true, true])
  })

  it('makes dead letters of a quorum queue safe', () => {
    const queue = { name: 'q', type: 'quorum' as const, deliveryLimit: 20, deadLetterExchange: 'dead', deadLetterKey: 'q' }
    const expected = { 'x-queue-type': 'quorum', 'x-delivery-limit': 20, 'x-dead-letter-exchange': 'dead', 'x-dead-letter-routing-key': 'q', 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' }
    expect(queueArguments(queue, old)).toEqual(expected)
    expect(queueArguments(queue, recent)).toEqual(expected)
  })

  it('says that there is no delivery limit only where the server would have one of its own', () => {
    const queue = { name: 'q.dlq', type: 'quorum' as const }
    expect(queueArguments(queue, old)).toEqual({ 'x-queue-type': 'quorum' })
    expect(queueArguments(queue, recent)).toEqual({ 'x-queue-type': 'quorum', 'x-delivery-limit': -1 })
  })

  it('gives a classic queue nothing that it does not know', () => {
    expect(queueArguments({ name: 'q', type: 'classic', messageTtl: 5000, deadLetterExchange: 'back' }, recent))
      .toEqual({ 'x-queue-type': 'classic', 'x-message-ttl': 5000, 'x-dead-letter-exchange': 'back' })
  })
})

describe('properties', () => {
  it('reads a message of somebody who writes nothing about it', () => {
    const bare = { headers: undefined } as unknown as Parameters<typeof readProperties>[0]
    const [one, other] = [readProperties(bare), readProperties(bare)]
    expect(one).toMatchObject({ timestamp: 0, contentType: 'application/octet-stream', headers: {} })
    expect(one.messageId).not.toBe(other.messageId)
  })

  it('leaves out headers that are no plain values', () => {
    const { headers } = readProperties({ headers: { 'attempt': 2, 'x-death': [{ count: 1 }], 'origin': 'shop', 'sure': true } } as unknown as Parameters<typeof readProperties>[0])
    expect(headers).toEqual({ attempt: 2, origin: 'shop', sure: true })
  })
})
