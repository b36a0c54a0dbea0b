import { Writable } from 'node:stream'
import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { ResponseHeaders } from './cacheability'
import { toBytes } from './body'

/** Options of a {@link ResponseRecorder}. */
export interface RecorderOptions {
  request: IncomingMessage
  /** Maximum number of body bytes in memory. A longer body becomes a stream. */
  limit: number
  /** Called as soon as a header is set, before the body is complete. */
  onHeader: (name: string, value: string | string[]) => void
}

/**
 * The response object of a cached handler. It records the status, the headers and every chunk of the body in order.
 * It is a Writable, so that pipes, `finished` and `pipeline` work, and has the header methods of `ServerResponse`.
 */
export class ResponseRecorder extends Writable {
  statusCode = 200
  statusMessage = ''
  sendDate = true
  /** Must be truthy: h3 drops a stream when the response has no socket. */
  readonly socket = {}
  readonly req: IncomingMessage
  /** Resolves with the body when the response ends, or with a stream of the body when it exceeds the limit. */
  readonly recorded: Promise<Buffer | ReadableStream<Uint8Array>>
  /** True after the handler has written at least one chunk. */
  written = false
  #options: RecorderOptions
  #headers = new Map<string, string | string[]>()
  #chunks: Uint8Array[] = []
  #size = 0
  #overflow: ReadableStreamDefaultController<Uint8Array> | undefined
  #release: (() => void) | undefined
  #resolve!: (body: Buffer | ReadableStream<Uint8Array>) => void
  #reject!: (error: unknown) => void

  constructor(options: RecorderOptions) {
    super({ decodeStrings: true })
    this.#options = options
    this.req = options.request
    this.recorded = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.recorded.catch(() => {})
    this.on('error', error => this.#reject(error))
  }

  get headersSent(): boolean {
    return this.writableEnded || this.#overflow !== undefined
  }

  get finished(): boolean {
    return this.writableEnded
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written = true
    if (this.#overflow) {
      this.#overflow.enqueue(chunk)
      this.#release = done
      return
    }
    // Copy the chunk: its writer may reuse the memory after `done` is called.
    this.#chunks.push(Buffer.from(toBytes(chunk)))
    this.#size += chunk.byteLength
    if (this.#size <= this.#options.limit) return done()
    this.#release = done
    this.#resolve(this.#overflowing())
  }

  override _final(done: () => void): void {
    if (this.#overflow) this.#overflow.close()
    else this.#resolve(Buffer.concat(this.#chunks))
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const reason = error ?? new Error('The cached handler destroyed its response before the response was complete.')
    if (!this.writableFinished) {
      this.#overflow?.error(reason)
      this.#reject(reason)
    }
    done(error)
  }

  setHeader(name: string, value: OutgoingHttpHeader): this {
    const field = name.toLowerCase()
    const text = Array.isArray(value) ? value.map(String) : String(value)
    this.#headers.set(field, text)
    this.#options.onHeader(field, text)
    return this
  }

  setHeaders(headers: Headers | Map<string, OutgoingHttpHeader>): this {
    for (const [name, value] of headers) this.appendHeader(name, value as string)
    return this
  }

  appendHeader(name: string, value: OutgoingHttpHeader): this {
    const values = [this.getHeader(name), value].flat().filter(item => item !== undefined).map(String)
    return this.setHeader(name, values.length === 1 ? values[0]! : values)
  }

  getHeader(name: string): string | string[] | undefined {
    return this.#headers.get(name.toLowerCase())
  }

  getHeaders(): ResponseHeaders {
    return Object.fromEntries(this.#headers)
  }

  getHeaderNames(): string[] {
    return [...this.#headers.keys()]
  }

  hasHeader(name: string): boolean {
    return this.#headers.has(name.toLowerCase())
  }

  removeHeader(name: string): void {
    this.#headers.delete(name.toLowerCase())
  }

  writeHead(status: number, message?: string | OutgoingHttpHeaders, headers?: OutgoingHttpHeaders): this {
    this.statusCode = status
    if (typeof message === 'string') this.statusMessage = message
    const given = typeof message === 'object' ? message : headers ?? {}
    if (Array.isArray(given)) throw new TypeError('A cached handler called writeHead with an array of headers: pass an object.')
    for (const [name, value] of Object.entries(given)) {
      if (value !== undefined) this.setHeader(name, value)
    }
    return this
  }

  flushHeaders(): void {}

  writeContinue(): void {}

  writeProcessing(): void {}

  writeEarlyHints(_hints: unknown, done?: () => void): void {
    done?.()
  }

  setTimeout(): this {
    return this
  }

  /** Returns the recorder with the type that h3 expects. */
  asServerResponse(): ServerResponse {
    return this as unknown as ServerResponse
  }

  #overflowing(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#overflow = controller
        for (const chunk of this.#chunks.splice(0)) controller.enqueue(chunk)
      },
      pull: () => {
        const release = this.#release
        this.#release = undefined
        release?.()
      },
      cancel: () => void this.destroy(),
    }, { highWaterMark: 0 })
  }
}
