import type { CacheSerializer } from '../types'
import type { ResponseHeaders } from './cacheability'

/** A stored response. */
export interface CachedResponse {
  status: number
  /** Headers by lower-case name. */
  headers: ResponseHeaders
  /** Bytes, or `null` for a response without a body. */
  body: Buffer | null
  /** When the response was made, in milliseconds since 1970. */
  time: number
  /** Hash of the code and options of the handler. */
  integrity: string
}

/** The first line of a stored response. */
interface Head {
  status: number
  headers: ResponseHeaders
  time: number
  integrity: string
  /** Set only when there is no body, to distinguish this from an empty body. */
  empty?: true
}

const NEWLINE = 10

/** Stores a response as one line of JSON and the raw body. It is readable in redis-cli, and a binary body needs no encoding. */
export const responseSerializer: CacheSerializer<CachedResponse> = {
  codec: 'r',
  encode({ status, headers, body, time, integrity }) {
    const head: Head = { status, headers, time, integrity, ...(body === null ? { empty: true } : {}) }
    const line = `${JSON.stringify(head)}\n`
    return body === null ? line : Buffer.concat([Buffer.from(line), body])
  },
  decode(payload) {
    const end = payload.indexOf(NEWLINE)
    if (end === -1) throw new SyntaxError('A cached response has no header line.')
    const { empty, ...head } = JSON.parse(payload.toString('utf8', 0, end)) as Head
    return { ...head, body: empty ? null : payload.subarray(end + 1) }
  },
}
