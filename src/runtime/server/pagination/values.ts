/** A value of a sort column as a cursor holds it: JSON has no dates, no big integers and no decimals. */
type Encoded = string | number | boolean | null | ['date' | 'bigint' | 'decimal', string]

/** @throws TypeError when a cursor cannot hold the value */
export function encodeValue(value: unknown, column: string): Encoded {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (typeof value === 'bigint') return ['bigint', String(value)]
  if (value instanceof Date && !Number.isNaN(value.getTime())) return ['date', value.toISOString()]
  const decimal = decimalText(value)
  if (decimal !== undefined) return ['decimal', decimal]
  throw new TypeError(value === undefined
    ? `paginate() found no ${column} in a row, by which it sorts: let findMany return it.`
    : `paginate() cannot sort by ${column}, because a cursor holds texts, numbers, booleans, dates, big integers and decimals only: sort by another column, or set mode: 'offset'.`)
}

/** A decimal stays a text: that is what keeps its digits, and what Prisma takes. */
export function decodeValue(encoded: Encoded): unknown {
  if (!Array.isArray(encoded)) return encoded
  const [kind, text] = encoded
  if (kind === 'date') return new Date(text)
  return kind === 'bigint' ? BigInt(text) : text
}

/** Digits of a decimal.js number, also of another copy of that library; undefined for anything else. */
function decimalText(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('toFixed' in value) || typeof value.toFixed !== 'function') return undefined
  const text = String(value.toFixed())
  return /^-?\d+(?:\.\d+)?$/.test(text) ? text : undefined
}
