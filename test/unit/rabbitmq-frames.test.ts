import { EventEmitter, once } from 'node:events'
import { createRequire } from 'node:module'
import { setImmediate } from 'node:timers/promises'
import { Writable } from 'node:stream'
import type { ConfirmChannel } from 'amqplib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFramePort } from '../../src/runtime/server/rabbitmq/amqp/frame-port'
import type { OutgoingMessage } from '../../src/runtime/server/rabbitmq/message'
import { messageOf } from '../support/messages.ts'

interface Frame {
  type: number
  channel: number
  size: number
  payload: Buffer
  rest: Buffer
}

interface Decoded {
  id?: number
  channel: number
  size?: number
  fields?: Record<string, unknown>
  content?: Buffer
}

/** The reader of amqplib itself, which its package does not export. */
const { parseFrame, decodeFrame } = createRequire(import.meta.url)('../../node_modules/amqplib/lib/frame.js') as { parseFrame: (bytes: Buffer, most: number) => Frame | false, decodeFrame: (frame: Frame) => Decoded }
const BASIC_PUBLISH = 3932200

function portTo(stream: Writable, { channelNumber = 7, frameMax = 131_072 } = {}, appId?: string) {
  return createFramePort({ stream, channelNumber, frameMax }, { channel: new EventEmitter() as ConfirmChannel, appId, confirmed: () => {} })
}

/** A stream that reads what it is given, and a writer for it. */
function recorder({ frameMax = 131_072, appId, channel = 7, turns = 0 }: { frameMax?: number, appId?: string, channel?: number, turns?: number } = {}) {
  const chunks: Buffer[] = []
  const read: Buffer[] = []
  const stream = new Writable({
    async write(chunk: Buffer, _, done) {
      chunks.push(chunk)
      for (let turn = 0; turn < turns; turn++) await setImmediate()
      // The memory must stay as it is for as long as the socket may take, and no longer.
      read.push(Buffer.from(chunk))
      done()
    },
  })
  const port = portTo(stream, { channelNumber: channel, frameMax }, appId)
  async function untilRead(): Promise<void> {
    await setImmediate()
    while (stream.writableLength > 0) await setImmediate()
  }
  return {
    stream,
    chunks,
    publish: (message: OutgoingMessage) => port.publish(message, Buffer.byteLength(message.content)),
    untilRead,
    async frames() {
      await untilRead()
      return framesOf(Buffer.concat(read), frameMax)
    },
  }
}

function framesOf(bytes: Buffer, frameMax: number): Decoded[] {
  const frames: Decoded[] = []
  while (bytes.length > 0) {
    const frame = parseFrame(bytes, frameMax - 8)
    if (frame === false) throw new Error(`${bytes.length} bytes are no whole frame`)
    frames.push(decodeFrame(frame))
    bytes = frame.rest
  }
  return frames
}

/** What a broker reads. */
function messagesOf(frames: readonly Decoded[]): { exchange: unknown, routingKey: unknown, mandatory: unknown, properties: Record<string, unknown>, content: Buffer }[] {
  const messages = []
  const rest = [...frames]
  while (rest.length > 0) {
    const method = rest.shift()!
    const header = rest.shift()!
    expect([method.id, header.id]).toEqual([BASIC_PUBLISH, 60])
    const content: Buffer[] = []
    for (let left = header.size!; left > 0; left -= content.at(-1)!.length) content.push(rest.shift()!.content!)
    const { exchange, routingKey, mandatory } = method.fields!
    messages.push({ exchange, routingKey, mandatory, properties: Object.fromEntries(Object.entries(header.fields!).filter(([, value]) => value !== undefined)), content: Buffer.concat(content) })
  }
  return messages
}

/** A text that AMQP holds in a short string. */
const short = fc.string({ unit: 'binary', maxLength: 80 }).filter(text => text.isWellFormed() && Buffer.byteLength(text) < 256)
const header = fc.oneof(fc.string({ unit: 'binary' }).filter(text => text.isWellFormed()), fc.boolean(), fc.double(), fc.integer(), fc.maxSafeInteger())
const optional = fc.option(short, { nil: undefined })
const wellFormed = fc.string({ unit: 'binary', maxLength: 300 }).filter(text => text.isWellFormed())
const size = fc.integer({ min: 0, max: 200_000 })
const content: fc.Arbitrary<string | Buffer> = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)) },
  { weight: 4, arbitrary: wellFormed },
  { weight: 1, arbitrary: size.map(length => Buffer.alloc(length, length)) },
  { weight: 1, arbitrary: fc.tuple(size, wellFormed).map(([length, text]) => text.padEnd(length, `€${text}`)) },
)
const message: fc.Arbitrary<OutgoingMessage> = fc.record({
  exchange: short,
  routingKey: short,
  mandatory: fc.boolean(),
  content,
  properties: fc.record({
    messageId: short,
    contentType: short,
    timestamp: fc.maxSafeInteger().map(Math.abs),
    type: optional,
    appId: optional,
    correlationId: optional,
    replyTo: optional,
    headers: fc.dictionary(short.filter(name => name !== '__proto__'), header, { maxKeys: 5 }),
  }),
})

function expected({ exchange, routingKey, mandatory, content, properties }: OutgoingMessage, appId: string | undefined) {
  const { headers, ...others } = properties
  const set = Object.entries({ ...others, appId: properties.appId ?? appId, deliveryMode: 2 }).filter(([, value]) => value !== undefined)
  return { exchange, routingKey, mandatory, content: Buffer.from(content), properties: { ...Object.fromEntries(set), ...Object.keys(headers).length > 0 && { headers: { ...headers } } } }
}

describe('frames', () => {
  it('are read as what was written, whatever it is and however much at a time', async () => {
    const turns = fc.array(fc.array(message, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 })
    await fc.assert(fc.asyncProperty(turns, fc.constantFrom(4096, 20_000, 131_072), optional, fc.integer({ min: 0, max: 3 }), async (batches, frameMax, appId, turns) => {
      const { publish, frames, stream } = recorder({ frameMax, appId, turns })
      for (const batch of batches) {
        for (const each of batch) publish(each)
        await setImmediate()
      }
      const read = await frames()
      expect(read.every(({ channel }) => channel === 7)).toBe(true)
      expect(messagesOf(read)).toEqual(batches.flat().map(each => expected(each, appId)))
      stream.destroy()
    }), { numRuns: 300 })
  })

  it('of one turn leave in one piece, and those of the next by themselves', async () => {
    const { publish, chunks, frames } = recorder()
    for (let index = 0; index < 20; index++) publish(messageOf(`id-${index}`))
    expect(chunks).toEqual([])
    await setImmediate()
    expect(chunks).toHaveLength(1)
    publish(messageOf('id-20'))
    await setImmediate()
    expect(chunks).toHaveLength(2)
    expect(messagesOf(await frames()).map(({ properties }) => properties.messageId)).toEqual(Array.from({ length: 21 }, (_, index) => `id-${index}`))
  })

  it('of long contents leave in one call of the system with those around them, and nothing is left when the stream ends', async () => {
    const calls: Buffer[] = []
    const stream = new Writable({
      highWaterMark: 2,
      write(chunk: Buffer, _, done) {
        calls.push(chunk)
        done()
      },
      writev(chunks, done) {
        calls.push(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)))
        done()
      },
    })
    const port = portTo(stream)
    const publish = (id: string, length: number) => port.publish(messageOf(id, { content: Buffer.alloc(length, 'x') }), length)
    for (const [id, length] of [['a', 20_000], ['b', 10], ['c', 300_000]] as const) publish(id, length)
    expect(calls).toEqual([])
    await setImmediate()
    expect(calls.map(bytes => messagesOf(framesOf(bytes, 131_072)).map(({ properties, content }) => [properties.messageId, content.length])))
      .toEqual([[['a', 20_000], ['b', 10], ['c', 300_000]]])
    publish('d', 50_000)
    stream.end()
    await once(stream, 'finish')
    expect(calls.map(({ length }) => length > 50_000)).toEqual([true, true])
  })

  it.each([0, 2])('of many messages need no new memory for each, when the socket takes %i turns to read', async (turns) => {
    const { publish, chunks, frames, untilRead } = recorder({ turns })
    const ids = Array.from({ length: 4000 }, (_, index) => String(index))
    for (const [index, id] of ids.entries()) {
      publish(messageOf(id, { content: 'x'.repeat(1000) }))
      if (index % 200 === 199) await untilRead()
    }
    expect(messagesOf(await frames()).map(({ properties }) => properties.messageId)).toEqual(ids)
    expect(new Set(chunks.map(({ buffer }) => buffer)).size).toBeLessThanOrEqual(5)
  })

  it('of a long content are not copied', async () => {
    const { publish, chunks } = recorder()
    const content = Buffer.alloc(300_000, 'x')
    publish(messageOf('id', { content }))
    await setImmediate()
    expect(chunks.filter(({ buffer }) => buffer === content.buffer).map(({ length }) => length)).toEqual([131_064, 131_064, 37_872])
  })

  it.each<[string, Partial<OutgoingMessage>, Partial<OutgoingMessage['properties']>]>([
    ['the name of the exchange has 256 bytes', { exchange: 'x'.repeat(256) }, {}],
    ['the routing key has 300 bytes', { routingKey: '€'.repeat(100) }, {}],
    ['the messageId has 256 bytes', {}, { messageId: 'é'.repeat(128) }],
    ['the header 7777777777 has 70000 bytes', {}, { headers: { ['7'.repeat(70_000)]: 1 } }],
    ['the appId has 400 bytes', {}, { appId: 'x'.repeat(400) }],
  ])('of a message that AMQP cannot hold are not written, nor anything of it: %s', async (sentence, given, properties) => {
    const { publish, frames } = recorder()
    const plain = messageOf('wrong')
    publish(messageOf('before'))
    expect(() => publish({ ...plain, ...given, properties: { ...plain.properties, ...properties } })).toThrow(sentence.replace(/7{10}/, '7'.repeat(30)))
    publish(messageOf('behind'))
    await setImmediate()
    expect(messagesOf(await frames()).map(({ properties }) => properties.messageId)).toEqual(['before', 'behind'])
  })

  it('are dropped where the connection is gone', async () => {
    const { publish, stream, chunks } = recorder()
    let failed: unknown
    stream.on('error', error => failed = error)
    stream.end()
    publish(messageOf('id', { content: Buffer.alloc(50_000) }))
    await setImmediate()
    expect([chunks, failed]).toEqual([[], undefined])
  })
})
