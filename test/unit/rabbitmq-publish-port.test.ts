import { EventEmitter } from 'node:events'
import { Writable } from 'node:stream'
import type { ConfirmChannel, Options } from 'amqplib'
import { IllegalOperationError } from 'amqplib'
import { beforeEach, describe, expect, it } from 'vitest'
import { choosePort } from '../../src/runtime/server/rabbitmq/amqp/publish-channel'
import type { OutgoingMessage } from '../../src/runtime/server/rabbitmq/message'
import { settle } from '../support/manual-clock.ts'
import { messageOf } from '../support/messages.ts'

/** A confirm channel as amqplib 2.3 makes it, as far as the ports use it. */
class FakeChannel extends EventEmitter {
  ch: unknown = 1
  connection: Record<string, unknown> = { stream: new Writable({ write: (_chunk, _encoding, done) => done() }), frameMax: 131_072 }
  published: { content: Buffer, options: Options.Publish, settle: (error: Error | null) => void }[] = []
  /** Thrown by the next publish. */
  refusal: Error | undefined

  constructor() {
    super()
    this.on('ack', () => {}).on('nack', () => {})
    this.on('close', () => this.published.forEach(({ settle }) => settle(new Error('channel closed'))))
  }

  publish(_exchange: string, _routingKey: string, content: Buffer, options: Options.Publish, settle: (error: Error | null) => void): boolean {
    const { refusal } = this
    this.refusal = undefined
    if (refusal) throw refusal
    this.published.push({ content, options, settle })
    return true
  }
}

let channel: FakeChannel
let confirms: [tag: number, multiple: boolean, stored: boolean][]
let lines: string[]

beforeEach(() => {
  channel = new FakeChannel()
  confirms = []
  lines = []
})

function open(frames: boolean, create = choosePort(frames, { info: line => void lines.push(line) })) {
  const { publish } = create({ channel: channel as unknown as ConfirmChannel, appId: 'shop', confirmed: (...confirm) => void confirms.push(confirm) })
  return (message: OutgoingMessage) => publish(message, Buffer.byteLength(message.content))
}

describe('the port of a channel', () => {
  it('writes frames of its own, and is told of confirms of several messages', () => {
    open(true)(messageOf('a'))
    channel.emit('ack', { deliveryTag: 3, multiple: true })
    channel.emit('nack', { deliveryTag: 4, multiple: false })
    expect(channel.published).toEqual([])
    expect(confirms).toEqual([[3, true, true], [4, false, false]])
    expect(lines).toEqual([])
  })

  it('is amqplib where an option says so', () => {
    open(false)(messageOf('a'))
    expect(channel.published).toHaveLength(1)
    expect(lines).toEqual([])
  })

  it.each<[string, () => void]>([
    ['channel.ch', () => channel.ch = undefined],
    ['connection.stream', () => channel.connection.stream = {}],
    ['connection.frameMax', () => channel.connection.frameMax = '131072'],
    ['the event "ack"', () => channel.removeAllListeners('ack')],
    ['the event "nack"', () => channel.removeAllListeners('nack')],
  ])('is amqplib where it has no %s, which is told once', (name, remove) => {
    remove()
    const create = choosePort(true, { info: line => void lines.push(line) })
    for (const id of ['a', 'b']) open(true, create)(messageOf(id))
    expect(channel.published.map(({ options }) => options.messageId)).toEqual(['a', 'b'])
    expect(lines).toEqual([`The installed amqplib has no ${name}, so its own publish() sends the messages, which takes more processor time. Install amqplib 2.3 to avoid this.`])
  })

  it('is amqplib where the channel has no connection', () => {
    Object.assign(channel, { connection: undefined })
    open(true)(messageOf('a'))
    expect(channel.published).toHaveLength(1)
  })
})

describe('the port of amqplib', () => {
  it('sends every property, persistent, and types the numbers that amqplib would round', () => {
    const { properties, ...message } = messageOf('id', { content: 'ä', mandatory: false })
    open(false)({ ...message, properties: { ...properties, correlationId: 'c', headers: { half: 0.5, whole: 7, none: Number.NaN, name: 'x', sure: true } } })
    expect(channel.published[0]!.content).toEqual(Buffer.from('ä'))
    expect(channel.published[0]!.options).toEqual({
      ...properties, appId: 'shop', correlationId: 'c', persistent: true, mandatory: false,
      headers: { half: { '!': 'double', 'value': 0.5 }, whole: 7, none: { '!': 'double', 'value': Number.NaN }, name: 'x', sure: true },
    })
  })

  it('tells of each confirm under the number of its message', async () => {
    const publish = open(false)
    for (const id of ['a', 'b', 'c']) publish(messageOf(id))
    const [a, b, c] = channel.published
    b!.settle(null)
    c!.settle(new Error('message nacked'))
    await settle()
    a!.settle(null)
    expect(confirms).toEqual([[2, false, true], [3, false, false], [1, false, true]])
  })

  it('gives no number to a message that cannot be written', () => {
    const publish = open(false)
    channel.refusal = new TypeError('too long')
    expect(() => publish(messageOf('wrong'))).toThrow('too long')
    publish(messageOf('a'))
    channel.published[0]!.settle(null)
    expect(confirms).toEqual([[1, false, true]])
  })

  it('takes the loss of the channel neither for a refusal nor for an error of the message', async () => {
    const publish = open(false)
    publish(messageOf('a'))
    channel.refusal = new IllegalOperationError('Channel closed', '')
    publish(messageOf('b'))
    channel.emit('close')
    await settle()
    expect(confirms).toEqual([])
  })
})
