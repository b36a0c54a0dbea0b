import { createHmac, timingSafeEqual } from 'node:crypto'
import { PublicError } from '../request/errors'
import type { SortColumn } from './order'
import { LONGEST_CURSOR } from './request'
import { decodeValue, encodeValue } from './values'

/** A place in an order, and which side of it is wanted. */
export interface Position {
  side: 'after' | 'before'
  /** Does the row at the place belong to the side? */
  inclusive: boolean
  /** One for each column of the order. */
  values: readonly unknown[]
}

/** Makes and reads the cursors of one list. */
export interface Cursors {
  /** @throws TypeError when a value cannot be held */
  write: (position: Position) => string
  /** @throws HttpError 400 for everything that {@link write} did not make with the same key for the same list */
  read: (cursor: string) => Position
  /** Do the values stand at the place? */
  isAt: (values: readonly unknown[], position: Position) => boolean
}

/** What a cursor holds for. */
export interface CursorBinding {
  key: Buffer
  /** The tenant, or ''. */
  scope: string
  /** The model, or ''. */
  name: string
  columns: readonly SortColumn[]
}

const VERSION = 1
const SIGNATURE_BYTES = 32
const SIDES = { a: ['after', false], A: ['after', true], b: ['before', false], B: ['before', true] } as const

/** Signed, not encrypted: whoever looks sees the values by which the list is sorted. */
export function createCursors({ key, scope, name, columns }: CursorBinding): Cursors {
  // JSON keeps the parts apart, and holds no line break.
  const binding = JSON.stringify([VERSION, scope, name, columns.map(({ column, direction, nulls }) => [column, direction, nulls ?? ''])])
  const sign = (content: Buffer) => createHmac('sha256', key).update(`${binding}\n`).update(content).digest()
  const encode = (values: readonly unknown[]) => values.map((value, index) => encodeValue(value, columns[index]!.column))

  return {
    write({ side, inclusive, values }) {
      const letter = side === 'after' ? 'a' : 'b'
      const content = Buffer.from(JSON.stringify([inclusive ? letter.toUpperCase() : letter, ...encode(values)]))
      const cursor = Buffer.concat([sign(content), content]).toString('base64url')
      if (cursor.length > LONGEST_CURSOR) throw new TypeError(`paginate() sorts by values that are too long for a cursor (${columns.map(({ column }) => column).join(', ')}): sort by shorter ones, or set mode: 'offset'.`)
      return cursor
    },
    read(cursor) {
      const bytes = Buffer.from(cursor, 'base64url')
      const content = bytes.subarray(SIGNATURE_BYTES)
      // A text that decodes to the same bytes is another cursor, and nobody wrote it.
      if (cursor.length > LONGEST_CURSOR || content.length === 0 || bytes.toString('base64url') !== cursor || !timingSafeEqual(bytes.subarray(0, SIGNATURE_BYTES), sign(content))) {
        throw new PublicError(400, 'CURSOR_INVALID', 'The query parameter cursor does not belong to this list: it was altered, it has expired, or it is of another sort, list or tenant. Start again without it.')
      }
      const [letter, ...values] = JSON.parse(content.toString()) as [keyof typeof SIDES, ...Parameters<typeof decodeValue>[0][]]
      const [side, inclusive] = SIDES[letter]
      return { side, inclusive, values: values.map(decodeValue) }
    },
    isAt: (values, position) => JSON.stringify(encode(values)) === JSON.stringify(encode(position.values)),
  }
}
