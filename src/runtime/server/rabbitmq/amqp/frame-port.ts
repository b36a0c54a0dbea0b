import { nextTick } from 'node:process'
import type { Writable } from 'node:stream'
import type { HeaderValue, OutgoingMessage } from '../message'
import { BYTES_A_CHARACTER, MOST_SHORT } from '../message'

/** Channel and socket that the frames are written to. */
export interface FrameTarget {
  /** The socket of the connection. */
  stream: Pick<Writable, 'writable' | 'write'>
  /** Number of the channel. */
  channel: number
  /** Maximum bytes of a frame, as negotiated by client and broker. */
  frameMax: number
  /** Default `appId` of the messages. */
  appId: string | undefined
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
 * Creates a function that writes messages as AMQP frames. It writes many messages into one shared buffer, which is sent at the end
 * of the turn. amqplib would allocate five buffers per message, two of them outside V8's heap; collecting them costs as much as the
 * rest of a publish. amqplib still handles everything else on the connection.
 *
 * All messages are persistent, because confirmed messages must survive a restart of the broker.
 *
 * @returns a function that takes a message and the number of bytes of its content. It throws a TypeError if a property is too long
 * for AMQP; then nothing of that message is sent
 */
export function createFrameWriter({ stream, channel, frameMax, appId }: FrameTarget): (message: OutgoingMessage, size: number) => void {
  const mostOfBody = frameMax - FRAME_OVERHEAD
  const mostCopied = Math.min(MOST_COPIED, mostOfBody)
  const takeSlab = createSlabs()
  let slab = takeSlab(0)
  let memory = slab.memory
  /** End of the bytes that were passed to the stream. */
  let given = 0
  /** End of the bytes that were written to `memory`. */
  let at = 0
  let due = false

  function put(bytes: Buffer, read?: () => void): void {
    // On a lost connection, skip the write: nothing is confirmed there, so the next connection sends everything again.
    if (stream.writable) stream.write(bytes, read)
  }

  function flush(): void {
    if (at > given) put(memory.subarray(given, at), slab.lend())
    given = at
  }

  function atEndOfTurn(): void {
    due = false
    flush()
  }

  function reserve(bytes: number): void {
    if (at + bytes <= memory.length) return
    flush()
    slab.leave()
    slab = takeSlab(bytes)
    memory = slab.memory
    given = at = 0
  }

  function byte(value: number): void {
    memory[at++] = value
  }

  function uint16(value: number): void {
    at = memory.writeUInt16BE(value, at)
  }

  function uint32(value: number): void {
    at = memory.writeUInt32BE(value, at)
  }

  /** Writes a whole number from 0 to 2^53. */
  function uint64(value: number): void {
    uint32(Math.floor(value / TWO_TO_32))
    uint32(value % TWO_TO_32)
  }

  function short(text: string, name: string): void {
    const bytes = memory.write(text, at + 1)
    if (bytes > MOST_SHORT) throw new TypeError(`${name} has ${bytes} bytes, but AMQP allows at most ${MOST_SHORT}`)
    byte(bytes)
    at += bytes
  }

  /** Writes a property if it is set. @returns its flag, or 0 */
  function optional(text: string | undefined, name: string, flag: number): number {
    if (text === undefined) return 0
    short(text, name)
    return flag
  }

  /** Writes the head of a frame with an empty size. @returns the position of the size, for `endFrame` */
  function beginFrame(type: number): number {
    byte(type)
    uint16(channel)
    at += 4
    return at - 4
  }

  function endFrame(sizeAt: number): void {
    memory.writeUInt32BE(at - sizeAt - 4, sizeAt)
    byte(FRAME.end)
  }

  function method({ exchange, routingKey, mandatory }: OutgoingMessage): void {
    const size = beginFrame(FRAME.method)
    uint16(CLASS_BASIC)
    uint16(METHOD_PUBLISH)
    uint16(0)
    short(exchange, 'the name of the exchange')
    short(routingKey, 'the routing key')
    byte(mandatory ? 1 : 0)
    endFrame(size)
  }

  function header({ properties }: OutgoingMessage, contentSize: number): void {
    const { contentType, headers, correlationId, replyTo, messageId, timestamp, type } = properties
    const app = properties.appId ?? appId
    const size = beginFrame(FRAME.header)
    uint16(CLASS_BASIC)
    uint16(0)
    uint64(contentSize)
    const flagsAt = at
    at += 2
    let flags = PROPERTY.contentType | PROPERTY.deliveryMode | PROPERTY.messageId | PROPERTY.timestamp
    short(contentType, 'the content type')
    if (!isEmpty(headers)) {
      flags |= PROPERTY.headers
      table(headers)
    }
    byte(PERSISTENT)
    flags |= optional(correlationId, 'the correlationId', PROPERTY.correlationId)
    flags |= optional(replyTo, 'replyTo', PROPERTY.replyTo)
    short(messageId, 'the messageId')
    uint64(timestamp)
    flags |= optional(type, 'the type', PROPERTY.type)
    flags |= optional(app, 'the appId', PROPERTY.appId)
    memory.writeUInt16BE(flags, flagsAt)
    endFrame(size)
  }

  function table(headers: Readonly<Record<string, HeaderValue>>): void {
    const sizeAt = at
    at += 4
    for (const name in headers) {
      short(name, `the header ${name.slice(0, 30)}`)
      field(headers[name]!)
    }
    memory.writeUInt32BE(at - sizeAt - 4, sizeAt)
  }

  /** Writes a header value with its type. @see https://www.rabbitmq.com/amqp-0-9-1-errata#section_3 */
  function field(value: HeaderValue): void {
    if (typeof value === 'string') {
      byte(0x53) // S
      const bytes = memory.write(value, at + 4)
      uint32(bytes)
      at += bytes
    }
    else if (typeof value === 'boolean') {
      byte(0x74) // t
      byte(value ? 1 : 0)
    }
    else if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      byte(0x64) // d
      at = memory.writeDoubleBE(value, at)
    }
    else if (value === (value | 0)) {
      byte(0x49) // I
      at = memory.writeInt32BE(value, at)
    }
    else {
      byte(0x6C) // l
      at = memory.writeBigInt64BE(BigInt(value), at)
    }
  }

  /** Copies a short content, which fits into one frame. */
  function copy(content: string | Buffer, size: number): void {
    if (size === 0) return
    reserve(FRAME_OVERHEAD + size)
    const sizeAt = beginFrame(FRAME.body)
    at += typeof content === 'string' ? memory.write(content, at) : content.copy(memory, at)
    endFrame(sizeAt)
  }

  /** Sends a long content from its own buffer, in as many frames as needed. */
  function lend(content: Buffer): void {
    for (let start = 0; start < content.length; start += mostOfBody) {
      const end = Math.min(content.length, start + mostOfBody)
      reserve(FRAME_OVERHEAD)
      byte(FRAME.body)
      uint16(channel)
      uint32(end - start)
      flush()
      put(content.subarray(start, end))
      byte(FRAME.end)
    }
  }

  return (message, size) => {
    reserve(MOST_AROUND + mostTextOf(message, appId))
    const start = at
    try {
      method(message)
      header(message, size)
    }
    catch (error) {
      at = start
      throw error
    }
    const { content } = message
    if (size <= mostCopied) copy(content, size)
    else lend(typeof content === 'string' ? Buffer.from(content) : content)
    if (due) return
    due = true
    nextTick(atEndOfTurn)
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
