import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../src/options'
import type { RabbitConsumer } from '../../src/runtime/server/rabbitmq/consume/types'
import { resolveConsumer } from '../../src/runtime/server/rabbitmq/consume/resolve'
import { rabbitmqSettings } from '../../src/runtime/server/rabbitmq/settings'

describe('scale.rabbitmq', () => {
  it('is off until it is present, and then has its defaults', () => {
    expect(resolveOptions({})).toMatchObject({ rabbitmq: false, role: 'all' })
    const { rabbitmq } = resolveOptions({ rabbitmq: { queue: { type: 'classic' } }, role: 'web' })
    expect(rabbitmq).toMatchObject({ url: '', prefix: 'scale', window: 256, frames: true, buffer: { messages: 10_000, bytes: '64mb', onFull: 'reject' }, queue: { type: 'classic', deliveryLimit: 20 } })
    expect(rabbitmqSettings.resolveGiven(rabbitmq || {}, {})).toEqual({
      urls: [], tls: undefined, prefix: 'scale', appId: undefined, prefetch: 64, concurrency: 16, timeout: 60_000, window: 256, frames: true, buffer: { messages: 10_000, bytes: 64 * 1024 ** 2, onFull: 'reject' },
      publishTimeout: 10_000, delays: [1000, 5000, 30_000, 120_000, 600_000], queueType: 'classic', deliveryLimit: 20, drainTimeout: 15_000,
    })
  })

  it('takes its addresses from the options first, then from RABBITMQ_URL', () => {
    const urls = (url: string | string[], plain?: string) => rabbitmqSettings.resolveGiven({ url }, { RABBITMQ_URL: plain }).urls
    expect(urls('amqp://a, amqps://b:5671/shop', 'amqp://c')).toEqual(['amqp://a', 'amqps://b:5671/shop'])
    expect(urls(['amqp://a', 'amqp://b'])).toEqual(['amqp://a', 'amqp://b'])
    expect(urls('', 'amqp://user:secret@c,amqp://d')).toEqual(['amqp://user:secret@c', 'amqp://d'])
    expect(urls('')).toEqual([])
  })

  it.each([['http://user:hidden@a'], ['amqp://'], ['hidden']])('refuses %j without showing it', (url) => {
    const resolve = () => rabbitmqSettings.resolveGiven({}, { RABBITMQ_URL: url })
    expect(resolve).toThrow('scale.rabbitmq.url (RABBITMQ_URL) must be an address of RabbitMQ')
    expect(resolve).not.toThrow('hidden')
  })

  it('takes what amqps:// needs, and shows no key', () => {
    const pem = '-----BEGIN CERTIFICATE-----\nhidden\n-----END CERTIFICATE-----\n'
    const tls = (given: object, url = 'amqps://a') => rabbitmqSettings.resolveGiven({ url, tls: given }, {}).tls
    expect(tls({ ca: pem, cert: '', key: '', servername: 'rabbit', rejectUnauthorized: 'false' })).toEqual({ ca: pem, servername: 'rabbit', rejectUnauthorized: false })
    expect(tls({ ca: '', rejectUnauthorized: true }, 'amqp://a')).toBeUndefined()
    expect(() => tls({ ca: '/etc/ca.pem' })).toThrow('scale.rabbitmq.tls.ca must be PEM')
    expect(() => tls({ key: pem })).toThrow('scale.rabbitmq.tls has only one of cert and key')
    expect(() => tls({ ca: pem }, 'amqps://a,amqp://b')).toThrow('begins with amqp://, which is not encrypted')
    expect(() => tls({ cafile: 'a' })).toThrow('scale.rabbitmq.tls.cafile is not an option')
    expect(() => rabbitmqSettings.resolveGiven({ tls: 'hidden' as never }, {})).toThrow(/^scale\.rabbitmq\.tls \(NUXT_SCALE_RABBITMQ_TLS\) must be an object of options(?!.*hidden)/)
  })

  it('reads what the environment can say', () => {
    const settings = rabbitmqSettings.resolveGiven({ prefetch: '100', retry: { delays: '1s, 2m' }, buffer: { messages: '5' }, frames: 'false' } as never, {})
    expect(settings).toMatchObject({ prefetch: 100, frames: false, delays: [1000, 120_000], buffer: { messages: 5 } })
  })
})

describe('frames', () => {
  it('must be true or false', () => {
    expect(() => rabbitmqSettings.resolveGiven({ frames: 'yes' as never }, {})).toThrow('scale.rabbitmq.frames is "yes"')
  })
})

describe('a consumer', () => {
  const settings = rabbitmqSettings.resolveGiven({}, {})
  const consumer = (more: object = {}) => ({ exchange: 'orders', queue: 'mail', routingKey: 'order.*', handler: () => {}, ...more }) as RabbitConsumer
  const resolve = (more: object) => resolveConsumer(consumer(more), settings, 'server/consumers/mail.ts')

  it('has the settings of the feature where it says nothing', () => {
    expect(resolve({})).toMatchObject({ exchange: 'orders', queue: 'mail', routingKeys: ['order.*'], prefetch: 64, concurrency: 16, timeout: 60_000, delays: settings.delays })
    expect(resolve({ routingKey: ['a', 'b'], concurrency: 100, timeout: '2s', retry: { delays: ['1s'] } })).toMatchObject({ routingKeys: ['a', 'b'], prefetch: 100, concurrency: 100, timeout: 2000, delays: [1000] })
    expect(resolve({ prefetch: 1, retry: false })).toMatchObject({ prefetch: 1, concurrency: 1, delays: [] })
  })

  it.each<[object, string]>([
    [{ queu: 'a' }, 'server/consumers/mail.ts.queu is not an option'],
    [{ handler: undefined }, 'handler of server/consumers/mail.ts must be a function'],
    [{ schema: { parse: () => {} } }, 'schema of server/consumers/mail.ts must be a Standard Schema'],
    [{ exchange: '' }, 'exchange of server/consumers/mail.ts is ""'],
    [{ exchange: 'amq.topic' }, 'exchange of server/consumers/mail.ts is "amq.topic"'],
    [{ exchange: 'scale.dead' }, 'which is reserved for nuxt-scale'],
    [{ exchange: 'scale.delay.1000' }, 'which is reserved for nuxt-scale'],
    [{ queue: 'a'.repeat(252) }, 'queue of server/consumers/mail.ts is "aaa'],
    [{ queue: 'mail.dlq' }, 'queue of server/consumers/mail.ts is "mail.dlq"'],
    [{ routingKey: [] }, 'routingKey of server/consumers/mail.ts is []'],
    [{ prefetch: 2, concurrency: 3 }, 'prefetch of server/consumers/mail.ts is 2'],
    [{ timeout: '1h' }, 'timeout of server/consumers/mail.ts is "1h"'],
    [{ retry: { delays: ['soon'] } }, 'retry.delays of server/consumers/mail.ts is "soon"'],
  ])('with %j is refused', (more, sentence) => {
    expect(() => resolve(more)).toThrow(sentence)
  })

  it('that is no consumer is refused', () => {
    expect(() => resolveConsumer(undefined as never, settings, 'server/consumers/mail.ts')).toThrow('server/consumers/mail.ts does not export a consumer')
  })
})
