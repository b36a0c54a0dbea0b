/** A value with its name for error messages. */
export interface SourcedValue {
  value: unknown
  /** The option and, if the value came from one, the environment variable: `scale.redis.url (REDIS_URL)`. */
  label: string
}

/** Returns false for values that mean "not set": `undefined`, `null`, an empty string and an empty list. */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0)
}

/** Returns the value as a string; undefined if there is no value. */
export function textOf(source: SourcedValue | undefined): string | undefined {
  return source && String(source.value)
}

/** Parses a whole number from 0, given as a number or as a string of digits. Returns undefined for anything else. */
export function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 ? number : undefined
}
