/** A value with the name to use for it in an error. */
export interface SourcedValue {
  value: unknown
  /** The option and, where the value came from there, the environment variable: `scale.redis.url (REDIS_URL)`. */
  label: string
}

/** False for what means "not set": nothing, an empty text and an empty list. */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0)
}

/** The value as text; undefined when there is none. */
export function textOf(source: SourcedValue | undefined): string | undefined {
  return source && String(source.value)
}
