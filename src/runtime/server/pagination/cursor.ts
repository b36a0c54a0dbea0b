import { createHmac, timingSafeEqual } from 'node:crypto'
import { PublicError } from '../request/errors'
import type { SortColumn } from './order'
import { LONGEST_CURSOR } from './request'
import { decodeValue, encodeValue } from './values'

/** A position in a sort order, and the side of it that is requested. */
export interface Position {
  side: 'after' | 'before'
  /** Whether a row at the position itself is included. */
  inclusive: boolean
  /** One value for each column of the sort order. */
  values: readonly unknown[]
}

/** Creates and reads the cursors of one list. */
export interface Cursors {
  /** Creates a cursor. @throws TypeError if a cursor cannot contain one of the values */
  write: (position: Position) => string
  /** Reads a cursor. @throws HttpError 400 for any string that {@link write} did not create with the same key for the same list */
  read: (cursor: string) => Position
  /** Returns whether these values are the values of the position. */
  isAt: (values: readonly unknown[], position: Position) => boolean
}

/** The key and the properties of the list for which a cursor is valid. */
export interface CursorBinding {
  /** Key of the signature. */
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

/** Creates the cursors of a list. Cursors are signed but not encrypted, so clients can read the values of the sort columns. */
export function createCursors({ key, scope, name, columns }: CursorBinding): Cursors {
  // JSON separates the parts unambiguously and contains no line break.
  const binding = JSON.stringify([VERSION, scope, name, columns.map(({ column, direction, nulls }) => [column, direction, nulls ?? ''])])
  const sign = (content: Buffer) => createHmac('sha256', key).update(`${binding}\n`).update(content).digest()
  const encode = (values: readonly unknown[]) => values.map((value, index) => encodeValue(value, columns[index]!.column))

  return {
    write({ side, inclusive, values }) {
      const letter = side === 'after' ? 'a' : 'b'
      const content = Buffer.from(JSON.stringify([inclusive ? letter.toUpperCase() : letter, ...encode(values)]))
      const cursor = Buffer.concat([sign(content), content]).toString('base64url')
      if (cursor.length > LONGEST_CURSOR) {
        const names = columns.map(({ column }) => column).join(', ')
        throw new TypeError(
          `paginate() sorts by values that are too long for a cursor (${names}): `
          + 'sort by columns with shorter values, or set mode: \'offset\'.',
        )
      }
      return cursor
    },
    read(cursor) {
      const bytes = Buffer.from(cursor, 'base64url')
      const content = bytes.subarray(SIGNATURE_BYTES)
      // Another base64url string can decode to the same bytes. Only the canonical one is accepted.
      const isCanonical = cursor.length <= LONGEST_CURSOR && content.length > 0 && bytes.toString('base64url') === cursor
      if (!isCanonical || !timingSafeEqual(bytes.subarray(0, SIGNATURE_BYTES), sign(content))) {
        const reason = 'it was changed, it has expired, or it belongs to another sort order, list or tenant'
        const message = `The query parameter cursor is not valid for this list: ${reason}. Start again without it.`
        throw new PublicError(400, 'CURSOR_INVALID', message)
      }
      const [letter, ...values] = JSON.parse(content.toString()) as [keyof typeof SIDES, ...Parameters<typeof decodeValue>[0][]]
      const [side, inclusive] = SIDES[letter]
      return { side, inclusive, values: values.map(decodeValue) }
    },
    isAt: (values, position) => JSON.stringify(encode(values)) === JSON.stringify(encode(position.values)),
  }
}
