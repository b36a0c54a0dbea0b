import { createHash } from 'node:crypto'
import type { H3Event } from 'h3'

/** Whether a value is an event of h3. It also recognizes events of another copy of h3. */
export function isEventLike(value: unknown): value is H3Event {
  return typeof value === 'object' && value !== null && '__is_event__' in value
}

/**
 * Serializes a value so that different values give different strings. It uses JSON where JSON represents the value,
 * otherwise a tagged form (`Date(…)`, `12n`, `undefined`). The keys of plain objects are sorted.
 * An event is reduced to its method and path, because the rest of it is not an input of a cached function.
 */
export function stableSerialize(value: unknown, ancestors: readonly unknown[] = []): string {
  switch (typeof value) {
    case 'string': return JSON.stringify(value)
    case 'number': return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint': return `${value}n`
    case 'symbol': return `Symbol(${JSON.stringify(value.description ?? '')})`
    case 'function': return `Function(${JSON.stringify(String(value))})`
    case 'object': return value === null ? 'null' : serializeObject(value, ancestors)
    default: return String(value)
  }
}

function serializeObject(value: object, ancestors: readonly unknown[]): string {
  const seen = ancestors.indexOf(value)
  if (seen !== -1) return `Circular(${seen})`
  if (isEventLike(value)) return `Event(${JSON.stringify(`${value.method} ${value.path}`)})`
  const inner = [...ancestors, value]
  const list = (items: Iterable<unknown>) => Array.from(items, item => stableSerialize(item, inner)).join(',')
  if (Array.isArray(value)) return `[${list(value)}]`
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (value instanceof RegExp) return `RegExp(${JSON.stringify(String(value))})`
  if (value instanceof URL || value instanceof URLSearchParams) return `${value.constructor.name}(${JSON.stringify(String(value))})`
  if (value instanceof Map) return `Map(${list(value)})`
  if (value instanceof Set) return `Set(${list(value)})`
  if (value instanceof Error) return `Error(${JSON.stringify(String(value))})`
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${Buffer.from(value).toString('base64')})`
  if (ArrayBuffer.isView(value)) return serializeView(value)
  return serializeFields(value, inner)
}

function serializeView(view: ArrayBufferView): string {
  return `${view.constructor.name}(${Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64')})`
}

function serializeFields(value: object, ancestors: readonly unknown[]): string {
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return `${kindOf(value)}(${stableSerialize(value.toJSON(), ancestors)})`
  }
  const fields = Object.entries(value).sort(([left], [right]) => left < right ? -1 : 1)
  const text = `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${stableSerialize(field, ancestors)}`).join(',')}}`
  const kind = kindOf(value)
  return kind === 'Object' ? text : `${kind}${text}`
}

function kindOf(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null) return 'Object'
  return value.constructor?.name || 'Anonymous'
}

/** Returns a short hash of `content`: the first 16 characters (96 bits) of its SHA-256 in base64url. */
export function shortHash(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, 16)
}
