/** A value of a sort column in a cursor. JSON has no dates, big integers and decimals, so these have a tag. */
type Encoded = string | number | boolean | null | ['date' | 'bigint' | 'decimal', string]

/** Encodes a value for a cursor. @throws TypeError if a cursor cannot contain the value */
export function encodeValue(value: unknown, column: string): Encoded {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (typeof value === 'bigint') return ['bigint', String(value)]
  if (value instanceof Date && !Number.isNaN(value.getTime())) return ['date', value.toISOString()]
  const decimal = decimalText(value)
  if (decimal !== undefined) return ['decimal', decimal]
  throw new TypeError(value === undefined
    ? `paginate() sorts by ${column}, but a row does not contain it: return this column from findMany.`
    : `paginate() cannot sort by ${column}, because a cursor can contain only strings, numbers, booleans, dates, big integers and `
      + 'decimals: sort by another column, or set mode: \'offset\'.')
}

/** Decodes a value of a cursor. A decimal stays a string, because a string keeps all digits and Prisma accepts it. */
export function decodeValue(encoded: Encoded): unknown {
  if (!Array.isArray(encoded)) return encoded
  const [kind, text] = encoded
  if (kind === 'date') return new Date(text)
  return kind === 'bigint' ? BigInt(text) : text
}

/** Formats a decimal of decimal.js, from any copy of that library. Returns undefined for anything else. */
function decimalText(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('toFixed' in value) || typeof value.toFixed !== 'function') return undefined
  const text = String(value.toFixed())
  return /^-?\d+(?:\.\d+)?$/.test(text) ? text : undefined
}
