import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'

/** The bytes of a body; or, if the body exceeds the limit, a stream of the whole body. */
export type CollectedBody = { bytes: Buffer } | { stream: ReadableStream<Uint8Array> }

/**
 * Reads a stream up to `limit` bytes. A longer body is returned as a stream that begins with the bytes already read.
 * It can then be sent without being in memory as a whole.
 *
 * @throws the error of the stream, or the reason of `signal` when it is aborted
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
    // A long download may take longer than the deadline of its load.
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

/** Returns the bytes of one chunk of a body. Binary chunks are not copied. */
export function toBytes(chunk: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  return ArrayBuffer.isView(chunk) ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength) : new Uint8Array(chunk)
}

/** Converts a Node stream to a web stream. Returns a web stream unchanged, and undefined for any other value. */
export function toWebStream(value: unknown): ReadableStream<Uint8Array | string> | undefined {
  if (value instanceof ReadableStream) return value
  if (value instanceof Readable) return Readable.toWeb(value) as NodeReadableStream as ReadableStream<Uint8Array>
  return undefined
}
