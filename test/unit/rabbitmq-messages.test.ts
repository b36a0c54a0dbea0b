import { describe, expect, it } from 'vitest'
import { RejectMessage, RetryMessage } from '../../src/runtime/server/rabbitmq/consume/control'
import { describeError, attemptOf, copyOf, judge } from '../../src/runtime/server/rabbitmq/consume/failure'
import { withoutHeaders } from '../../src/runtime/server/rabbitmq/headers'
import type { Delivery } from '../../src/runtime/server/rabbitmq/message'
import { composeMessage, encodeMessage } from '../../src/runtime/server/rabbitmq/compose-message'
import { readTrace } from '../../src/runtime/server/request/trace'

const DELAYS = [1000, 5000, 30_000]

describe('what becomes of a failed attempt', () => {
  it.each([
    [1, { kind: 'retry', delay: 1000 }],
    [3, { kind: 'retry', delay: 30_000 }],
    [4, { kind: 'dead', reason: 'exhausted' }],
    [99, { kind: 'dead', reason: 'exhausted' }],
  ])('attempt %i', (attempt, verdict) => {
    expect(judge(new Error('no'), attempt, DELAYS)).toEqual(verdict)
  })

  it('goes by what the handler throws', () => {
    expect(judge(new RejectMessage('no'), 1, DELAYS)).toEqual({ kind: 'dead', reason: 'rejected' })
    expect(judge(new RetryMessage('busy'), 2, DELAYS)).toEqual({ kind: 'retry', delay: 5000 })
    expect(judge(new RetryMessage('busy', { delay: '2s' }), 1, DELAYS)).toEqual({ kind: 'retry', delay: 5000 })
    expect(judge(new RetryMessage('busy', { delay: '1s' }), 3, DELAYS)).toEqual({ kind: 'retry', delay: 1000 })
    expect(judge(new RetryMessage('busy', { delay: '1h' }), 1, DELAYS)).toEqual({ kind: 'retry', delay: 30_000 })
    expect(judge(new RetryMessage('busy', { delay: '1s' }), 4, DELAYS)).toEqual({ kind: 'dead', reason: 'exhausted' })
    expect(() => new RetryMessage('busy', { delay: 'soon' })).toThrow('The delay of RetryMessage is "soon"')
  })

  it('without delays there is one attempt', () => {
    expect(judge(new Error('no'), 1, [])).toEqual({ kind: 'dead', reason: 'exhausted' })
  })

  it('what a header says is an attempt or nothing', () => {
    const attempt = (value: unknown) => attemptOf({ properties: { headers: { 'scale-attempt': value } } } as never)
    expect([undefined, 3, '3', 0, -1, 1.5, 'many', Infinity].map(attempt)).toEqual([1, 3, 3, 1, 1, 1, 1, 1])
  })

  it('the copy keeps what the publisher said and nothing that the broker wrote', () => {
    const headers = { 'mine': 1, 'x-first-death-reason': 'expired', 'x-delivery-count': 3, 'scale-tenant': 'acme', 'x-mine': 'a' }
    const delivery = { exchange: 'orders', routingKey: 'order.created', queue: 'mail', content: Buffer.from('1'), properties: { messageId: 'm', timestamp: 1, contentType: 'application/json', headers } } as unknown as Delivery
    expect(copyOf(delivery, { kind: 'retry', delay: 1000 }, new Error('no'), 'scale', new Date(0))).toMatchObject({
      exchange: 'scale.delay.1000', routingKey: 'mail', mandatory: true,
      properties: { messageId: 'm', headers: { 'mine': 1, 'x-mine': 'a', 'scale-tenant': 'acme', 'scale-attempt': 2, 'scale-error': 'no', 'scale-exchange': 'orders', 'scale-routing-key': 'order.created' } },
    })
    expect(withoutHeaders(headers, 'mine')).toEqual({ 'scale-tenant': 'acme', 'x-mine': 'a' })
  })
})

describe('an error in a header', () => {
  it('is one bounded line without the password of any address', () => {
    expect(describeError(new TypeError('a\n  b'))).toBe('TypeError: a b')
    expect(describeError('text')).toBe('text')
    expect(describeError(new Error('at postgresql://user:p@ss@host:5432/db and amqp://u:p@h'))).toBe('at postgresql://***@host:5432/db and amqp://***@h')
    expect(describeError(new Error('x'.repeat(10_000))).length).toBe(500)
  })
})

describe('publishing', () => {
  const context = { appId: 'shop', tenant: '', trace: undefined, now: 1_700_000_000_900 }
  const compose = (message: unknown, options: object = {}, more: object = {}) => composeMessage('orders', 'order.created', message, options, { ...context, ...more })

  it('says what a message is', () => {
    const { properties, content, mandatory } = compose({ at: new Date(0) })
    expect(content.toString()).toBe('{"at":"1970-01-01T00:00:00.000Z"}')
    expect([mandatory, properties]).toEqual([true, { messageId: expect.stringMatching(/^[\da-f-]{36}$/) as string, type: 'order.created', appId: 'shop', timestamp: 1_700_000_000, contentType: 'application/json', headers: {} }])
    expect(compose(1, { unroutable: 'ignore' }).mandatory).toBe(false)
    expect(compose(1).properties.messageId).not.toBe(properties.messageId)
  })

  it('carries options, the tenant and the trace', () => {
    const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=1' }
    expect(compose(null, { messageId: 'm', type: 't', correlationId: 'c', replyTo: 'r', headers: { mine: true } }, { tenant: 'acme', trace }).properties).toMatchObject({
      messageId: 'm', type: 't', correlationId: 'c', replyTo: 'r', headers: { ...trace, 'mine': true, 'scale-tenant': 'acme' },
    })
  })

  it.each<[object, string]>([
    [{ delay: '5s' }, 'The options of publish().delay is not an option'],
    [{ messageId: 'x'.repeat(256) }, 'messageId of publish() must be a string of at most 255 bytes.'],
    [{ correlationId: '€'.repeat(86) }, 'correlationId of publish() must be a string of at most 255 bytes.'],
    [{ type: 1 }, 'type of publish() must be a string'],
    [{ headers: { 'Scale-Tenant': 'other' } }, 'The header Scale-Tenant of publish() is reserved for nuxt-scale'],
    [{ headers: { list: [] } }, 'The header list of publish() must be a string'],
    [{ unroutable: 'maybe' }, 'unroutable of publish() is "maybe"'],
  ])('refuses %j', (options, sentence) => {
    expect(() => compose(1, options)).toThrow(sentence)
  })

  it.each(['€'.repeat(85), '😀'.repeat(63), 'x'.repeat(255)])('takes an id of at most 255 bytes: %s', (messageId) => {
    expect(compose(1, { messageId }).properties.messageId).toBe(messageId)
  })

  it('refuses in one sentence what JSON cannot hold', () => {
    const circle: Record<string, unknown> = {}
    circle.self = circle
    for (const [message, sentence] of [[undefined, 'The message of publish() is undefined'], [() => {}, 'The message of publish() is a function'], [Symbol('a'), 'The message of publish() is a symbol'], [{ n: 1n }, 'cannot be written as JSON (Do not know how to serialize a BigInt)'], [circle, 'cannot be written as JSON (Converting circular structure to JSON)']] as const) {
      expect(() => encodeMessage(message)).toThrow(sentence)
      expect(() => encodeMessage(message)).not.toThrow('\n')
    }
    expect(encodeMessage(null).toString()).toBe('null')
  })

  it('passes a trace on only when it is one', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    expect(readTrace(traceparent, 'a=1')).toEqual({ traceparent, tracestate: 'a=1' })
    expect(readTrace(traceparent, 'a'.repeat(600))).toEqual({ traceparent })
    expect(readTrace('nonsense', 'a=1')).toBeUndefined()
    expect(readTrace([traceparent], undefined)).toBeUndefined()
  })
})
