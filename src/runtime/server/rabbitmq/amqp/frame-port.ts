import { nextTick } from 'node:process'
import { Writable } from 'node:stream'
import type { ConfirmChannel } from 'amqplib'
import type { HeaderValue, MessageProperties, OutgoingMessage } from '../message'
import { BYTES_A_CHARACTER, MOST_SHORT, isDouble } from '../message'
import type { PublishPort, PublishPortOptions } from './publish-port'

/** The parts of an amqplib channel that this port uses and that amqplib does not document. */
export interface ChannelInternals {
  /** The socket of the connection. */
  stream: Pick<Writable, 'writable' | 'write' | 'cork' | 'uncork'>
  /** Number of the channel. */
  channelNumber: number
  /** Maximum bytes of a frame, as negotiated by client and broker. */
  frameMax: number
}

/** Finds the undocumented parts of an amqplib channel. @returns them, or the name of the first one that is missing */
export function findInternals(channel: ConfirmChannel): ChannelInternals | { missing: string } {
  const { ch, connection } = channel as unknown as { ch?: unknown, connection?: { stream?: unknown, frameMax?: unknown } }
  const { stream, frameMax } = connection ?? {}
  if (typeof ch !== 'number') return { missing: 'channel.ch' }
  if (!(stream instanceof Writable)) return { missing: 'connection.stream' }
  if (typeof frameMax !== 'number' || frameMax <= FRAME_OVERHEAD) return { missing: 'connection.frameMax' }
  // amqplib handles confirms in its own listeners of these events.
  if (channel.listenerCount('ack') === 0) return { missing: 'the event "ack"' }
  if (channel.listenerCount('nack') === 0) return { missing: 'the event "nack"' }
  return { stream, channelNumber: ch, frameMax }
}

/**
 * Creates a port that writes messages as AMQP frames. amqplib's `publish()` allocates five buffers per message, two of them outside
 * V8's heap. Allocating and collecting them costs more than the rest of a publish. amqplib still handles everything else on the
 * connection.
 */
export function createFramePort(internals: ChannelInternals, { channel, appId, confirmed }: PublishPortOptions): PublishPort {
  // amqplib's own listeners match confirms with messages that amqplib has sent. Here this port sends them.
  channel.removeAllListeners('ack').removeAllListeners('nack')
  channel.on('ack', ({ deliveryTag, multiple }) => confirmed(deliveryTag, multiple, true))
  channel.on('nack', ({ deliveryTag, multiple }) => confirmed(deliveryTag, multiple, false))
  const writer = new FrameWriter(internals, appId)
  return { publish: (message, bytes) => writer.publish(message, bytes) }
}

/** Maximum bytes of a content that is copied into the shared memory. Longer contents are written from their own buffer. */
const MOST_COPIED = 16_384

/** AMQP 0-9-1, sections 2.3.5 and 4.2: https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf */
const FRAME = { method: 1, header: 2, body: 3, end: 206 } as const
const FRAME_HEAD = 7
const FRAME_OVERHEAD = FRAME_HEAD + 1
const CLASS_BASIC = 60
const METHOD_PUBLISH = 40
const PERSISTENT = 2
const PROPERTY = {
  contentType: 1 << 15, headers: 1 << 13, deliveryMode: 1 << 12, correlationId: 1 << 10, replyTo: 1 << 9,
  messageId: 1 << 7, timestamp: 1 << 6, type: 1 << 5, appId: 1 << 3,
} as const
/** Upper bound for the bytes of a message in addition to its strings, headers and content. */
const MOST_AROUND = 128
const TWO_TO_32 = 2 ** 32

/**
 * Writes messages as AMQP frames into {@link SlabWriter}. All messages are persistent, because confirmed messages must survive a
 * restart of the broker.
 */
class FrameWriter {
  readonly #slabs: SlabWriter
  readonly #mostOfBody: number
  readonly #mostCopied: number
  readonly #internals: ChannelInternals
  readonly #appId: string | undefined

  constructor(internals: ChannelInternals, appId: string | undefined) {
    this.#internals = internals
    this.#appId = appId
    this.#slabs = new SlabWriter(internals.stream)
    this.#mostOfBody = internals.frameMax - FRAME_OVERHEAD
    this.#mostCopied = Math.min(MOST_COPIED, this.#mostOfBody)
  }

  /** Writes a message. @throws TypeError if a property is too long for AMQP; then nothing of the message is sent */
  publish(message: OutgoingMessage, size: number): void {
    const slabs = this.#slabs
    slabs.flushSoon()
    slabs.reserve(MOST_AROUND + mostTextOf(message, this.#appId))
    const start = slabs.at
    try {
      this.#method(message)
      this.#header(message, size)
    }
    catch (error) {
      slabs.at = start
      throw error
    }
    const { content } = message
    if (size <= this.#mostCopied) this.#copyBody(content, size)
    else this.#lendBody(typeof content === 'string' ? Buffer.from(content) : content)
  }

  #method({ exchange, routingKey, mandatory }: OutgoingMessage): void {
    const slabs = this.#slabs
    const size = this.#beginFrame(FRAME.method)
    slabs.uint16(CLASS_BASIC)
    slabs.uint16(METHOD_PUBLISH)
    slabs.uint16(0)
    slabs.short(exchange, 'the name of the exchange')
    slabs.short(routingKey, 'the routing key')
    slabs.byte(mandatory ? 1 : 0)
    this.#endFrame(size)
  }

  #header({ properties }: OutgoingMessage, contentSize: number): void {
    const slabs = this.#slabs
    const size = this.#beginFrame(FRAME.header)
    slabs.uint16(CLASS_BASIC)
    slabs.uint16(0)
    slabs.uint64(contentSize)
    const flagsAt = slabs.at
    slabs.at += 2
    slabs.memory.writeUInt16BE(this.#properties(properties), flagsAt)
    this.#endFrame(size)
  }

  /** Writes the properties in the order of AMQP. @returns the flags of those that are set */
  #properties({ contentType, headers, correlationId, replyTo, messageId, timestamp, type, appId }: MessageProperties): number {
    const slabs = this.#slabs
    let flags = PROPERTY.contentType | PROPERTY.deliveryMode | PROPERTY.messageId | PROPERTY.timestamp
    slabs.short(contentType, 'the content type')
    if (!isEmpty(headers)) {
      flags |= PROPERTY.headers
      this.#table(headers)
    }
    slabs.byte(PERSISTENT)
    flags |= this.#optional(correlationId, 'the correlationId', PROPERTY.correlationId)
    flags |= this.#optional(replyTo, 'replyTo', PROPERTY.replyTo)
    slabs.short(messageId, 'the messageId')
    slabs.uint64(timestamp)
    flags |= this.#optional(type, 'the type', PROPERTY.type)
    flags |= this.#optional(appId ?? this.#appId, 'the appId', PROPERTY.appId)
    return flags
  }

  /** Writes a property if it is set. @returns its flag, or 0 */
  #optional(text: string | undefined, name: string, flag: number): number {
    if (text === undefined) return 0
    this.#slabs.short(text, name)
    return flag
  }

  #table(headers: Readonly<Record<string, HeaderValue>>): void {
    const slabs = this.#slabs
    const sizeAt = slabs.at
    slabs.at += 4
    for (const name in headers) {
      slabs.short(name, `the header ${name.slice(0, 30)}`)
      slabs.field(headers[name]!)
    }
    slabs.memory.writeUInt32BE(slabs.at - sizeAt - 4, sizeAt)
  }

  /** Copies a short content, which fits into one frame. */
  #copyBody(content: string | Buffer, size: number): void {
    if (size === 0) return
    const slabs = this.#slabs
    slabs.reserve(FRAME_OVERHEAD + size)
    const sizeAt = this.#beginFrame(FRAME.body)
    slabs.at += typeof content === 'string' ? slabs.memory.write(content, slabs.at) : content.copy(slabs.memory, slabs.at)
    this.#endFrame(sizeAt)
  }

  /** Sends a long content from its own buffer, in as many frames as needed. */
  #lendBody(content: Buffer): void {
    const slabs = this.#slabs
    for (let start = 0; start < content.length; start += this.#mostOfBody) {
      const end = Math.min(content.length, start + this.#mostOfBody)
      slabs.reserve(FRAME_OVERHEAD)
      slabs.byte(FRAME.body)
      slabs.uint16(this.#internals.channelNumber)
      slabs.uint32(end - start)
      slabs.sendAfterwards(content.subarray(start, end))
      slabs.byte(FRAME.end)
    }
  }

  /** Writes the head of a frame with an empty size. @returns the position of the size, for `endFrame` */
  #beginFrame(type: number): number {
    const slabs = this.#slabs
    slabs.byte(type)
    slabs.uint16(this.#internals.channelNumber)
    slabs.at += 4
    return slabs.at - 4
  }

  #endFrame(sizeAt: number): void {
    const slabs = this.#slabs
    slabs.memory.writeUInt32BE(slabs.at - sizeAt - 4, sizeAt)
    slabs.byte(FRAME.end)
  }
}

/** Writes values of AMQP into shared memory, which it sends to a stream in one call at the end of each turn of the event loop. */
class SlabWriter {
  memory: Buffer
  /** End of the bytes that were written to `memory`. */
  at = 0
  #slab: Slab
  readonly #takeSlab = createSlabs()
  /** End of the bytes that were passed to the stream. */
  #given = 0
  #due = false
  #corked = false
  readonly #stream: ChannelInternals['stream']

  constructor(stream: ChannelInternals['stream']) {
    this.#stream = stream
    this.#slab = this.#takeSlab(0)
    this.memory = this.#slab.memory
  }

  /** Ensures that the memory has space for `bytes` bytes in one piece. */
  reserve(bytes: number): void {
    if (this.at + bytes <= this.memory.length) return
    this.#flush()
    this.#slab.leave()
    this.#slab = this.#takeSlab(bytes)
    this.memory = this.#slab.memory
    this.#given = this.at = 0
  }

  /** Sends everything at the end of this turn. */
  flushSoon(): void {
    if (this.#due) return
    this.#due = true
    nextTick(this.#atEndOfTurn)
  }

  /** Sends `bytes` after everything that was written before, without copying them. */
  sendAfterwards(bytes: Buffer): void {
    this.#flush()
    this.#put(bytes)
  }

  byte(value: number): void {
    this.memory[this.at++] = value
  }

  uint16(value: number): void {
    this.at = this.memory.writeUInt16BE(value, this.at)
  }

  uint32(value: number): void {
    this.at = this.memory.writeUInt32BE(value, this.at)
  }

  /** Writes a whole number from 0 to 2^53. */
  uint64(value: number): void {
    this.uint32(Math.floor(value / TWO_TO_32))
    this.uint32(value % TWO_TO_32)
  }

  short(text: string, name: string): void {
    const bytes = this.memory.write(text, this.at + 1)
    if (bytes > MOST_SHORT) throw new TypeError(`${name} has ${bytes} bytes, but AMQP allows at most ${MOST_SHORT}`)
    this.byte(bytes)
    this.at += bytes
  }

  /** Writes a header value with its type. @see https://www.rabbitmq.com/amqp-0-9-1-errata#section_3 */
  field(value: HeaderValue): void {
    if (typeof value === 'string') {
      this.byte(0x53) // S
      const bytes = this.memory.write(value, this.at + 4)
      this.uint32(bytes)
      this.at += bytes
    }
    else if (typeof value === 'boolean') {
      this.byte(0x74) // t
      this.byte(value ? 1 : 0)
    }
    else if (isDouble(value)) {
      this.byte(0x64) // d
      this.at = this.memory.writeDoubleBE(value, this.at)
    }
    else if (value === (value | 0)) {
      this.byte(0x49) // I
      this.at = this.memory.writeInt32BE(value, this.at)
    }
    else {
      this.byte(0x6C) // l
      this.at = this.memory.writeBigInt64BE(BigInt(value), this.at)
    }
  }

  #flush(): void {
    if (this.at > this.#given) this.#put(this.memory.subarray(this.#given, this.at), this.#slab.lend())
    this.#given = this.at
  }

  #put(bytes: Buffer, read?: () => void): void {
    const stream = this.#stream
    // On a lost connection, skip the write: nothing is confirmed there, so the next connection sends everything again.
    if (!stream.writable) return
    if (this.#due && !this.#corked) {
      this.#corked = true
      stream.cork()
    }
    stream.write(bytes, read)
  }

  readonly #atEndOfTurn = (): void => {
    this.#due = false
    this.#flush()
    if (!this.#corked) return
    this.#corked = false
    this.#stream.uncork()
  }
}

/** Returns an upper bound for the bytes of the strings and headers of a message. */
function mostTextOf({ exchange, routingKey, properties }: OutgoingMessage, appId = ''): number {
  const { contentType, correlationId = '', replyTo = '', messageId, type = '', headers } = properties
  let characters = exchange.length + routingKey.length + contentType.length + correlationId.length + replyTo.length
    + messageId.length + type.length + (properties.appId ?? appId).length
  let around = 0
  for (const name in headers) {
    const value = headers[name]!
    around += 10
    characters += name.length + (typeof value === 'string' ? value.length : 0)
  }
  return around + characters * BYTES_A_CHARACTER
}

function isEmpty(headers: OutgoingMessage['properties']['headers']): boolean {
  for (const _ in headers) return false
  return true
}

/** A buffer that many messages are written into. */
interface Slab {
  readonly memory: Buffer
  /** Marks that the stream reads from it. @returns a callback for the stream to call when the read is finished */
  lend: () => () => void
  /** Marks that nothing more is written into it. It is reused when the stream has finished all reads. */
  leave: () => void
}

/** Size of a slab in bytes, unless one message needs more. */
const SLAB = 65_536
/** Maximum number of unused slabs that are kept. */
const MOST_SPARE = 8

/**
 * Creates a pool of buffers for a stream. They are outside V8's heap, where every allocation brings the next full garbage
 * collection closer. Reusing them avoids that.
 *
 * @returns a function that takes a slab of at least `bytes` bytes from the pool
 */
function createSlabs(): (bytes: number) => Slab {
  const spare: Slab[] = []

  function create(size: number): Slab {
    let readers = 0
    let left = false

    function release(): void {
      if (!left || readers > 0 || size > SLAB || spare.length === MOST_SPARE) return
      left = false
      spare.push(slab)
    }

    function read(): void {
      readers--
      release()
    }

    const slab: Slab = {
      memory: Buffer.allocUnsafeSlow(size),
      lend() {
        readers++
        return read
      },
      leave() {
        left = true
        release()
      },
    }
    return slab
  }

  return bytes => bytes > SLAB ? create(bytes) : spare.pop() ?? create(SLAB)
}
