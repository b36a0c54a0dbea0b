import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'

/** A body that was collected, or, past the limit, a stream that begins again at its first byte. */
export type CollectedBody = { bytes: Buffer } | { stream: ReadableStream<Uint8Array> }

/**
 * Reads a stream up to `limit` bytes. A longer one is given back as a stream, with what was read put in front,
 * so that it can still be delivered without ever being held whole.
 *
 * @throws what the stream throws, and the reason of `signal` when it is aborted
 */
export async function collectBody(stream: ReadableStream<Uint8Array | string>, limit: number, signal: AbortSignal): Promise<CollectedBody> {
  const reader = stream.getReader()
  const stop = () => void reader.cancel(signal.reason).catch(() => {})
  signal.addEventListener('abort', stop, { once: true })
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    while (size <= limit) {
      const { done, value } = await reader.read()
      signal.throwIfAborted()
      if (done) return { bytes: Buffer.concat(chunks) }
      const chunk = toBytes(value)
      chunks.push(chunk)
      size += chunk.byteLength
    }
    return { stream: continueReading(chunks, reader) }
  }
  finally {
    // A long download outlives the deadline of the load that started it.
    signal.removeEventListener('abort', stop)
  }
}

function continueReading(head: Uint8Array[], reader: ReadableStreamDefaultReader<Uint8Array | string>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const first = head.shift()
      if (first) return controller.enqueue(first)
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(toBytes(value))
    },
    cancel: reason => reader.cancel(reason),
  }, { highWaterMark: 0 })
}

/** The bytes of one chunk of a body, without a copy where there is none to make. */
export function toBytes(chunk: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  return ArrayBuffer.isView(chunk) ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength) : new Uint8Array(chunk)
}

/** A web stream over a Node stream; a web stream as it is; undefined for anything else. */
export function toWebStream(value: unknown): ReadableStream<Uint8Array | string> | undefined {
  if (value instanceof ReadableStream) return value
  if (value instanceof Readable) return Readable.toWeb(value) as NodeReadableStream as ReadableStream<Uint8Array>
  return undefined
}
