import { createHash } from 'node:crypto'

/** Stands between the scope and the caller's key; encoded wherever a caller writes it, so an unscoped key never holds one. */
export const SCOPE_DELIMITER = '|'

/** Longest encoded key that is stored as it is written; a longer one keeps its head and ends in a hash. */
export const LONGEST_KEY = 512
const HEAD_OF_LONG_KEY = 400
/** Stands before the hash of a long key. It cannot come out of the encoding, so a shortened key never meets a written one. */
const SHORTENED = '%~'

/** Printable ASCII without space, `%`, `{`, `|` and `}`. Such a key is its own encoding, which is what the hit path relies on. */
const PLAIN = /^[!-$&-z~]*$/
const NOT_PLAIN = /[^!-$&-z~]/gu

/**
 * Encodes a caller's key (or a tag) so that no two keys meet, no brace breaks the Cluster hash tag, and it stays readable in redis-cli.
 *
 * @throws TypeError when the key is not a string or is empty
 */
export function encodeKey(key: string, kind: 'key' | 'tag' = 'key'): string {
  if (typeof key !== 'string' || key === '') {
    throw new TypeError(`A cache ${kind} is ${key === '' ? 'an empty string' : `of type ${typeof key}`}: pass a string that is not empty.`)
  }
  const encoded = PLAIN.test(key) ? key : encodeText(key)
  return encoded.length <= LONGEST_KEY ? encoded : shorten(encoded)
}

/** Encodes a glob as {@link encodeKey} encodes keys, with `*`, `?`, `[…]` and `\` kept. */
export function encodePattern(pattern: string): string {
  if (typeof pattern !== 'string' || pattern === '') {
    throw new TypeError(`A cache pattern is ${pattern === '' ? 'an empty string' : `of type ${typeof pattern}`}: pass a glob such as 'product:*'.`)
  }
  return encodeText(pattern)
}

/** Whether a stored key is spelt as its caller spelt it, without a scope. Then no other caller's key leads to it. */
export function isPlainKey(stored: string): boolean {
  return PLAIN.test(stored)
}

/** The key under which a scope (a tenant, or none) holds a caller's key. */
export function scopedKey(scope: string, encoded: string): string {
  return scope === '' ? encoded : encodeKey(scope) + SCOPE_DELIMITER + encoded
}

/** A stored key or tag without its scope, still encoded. */
export function withoutScope(stored: string): string {
  return stored.slice(stored.indexOf(SCOPE_DELIMITER) + 1)
}

/** The caller's spelling of a stored key, without its scope. A shortened key stays as it is stored. */
export function decodeKey(stored: string): string {
  const key = withoutScope(stored)
  return isShortened(key) ? key : decodeText(key)
}

/** Whether a stored key, or a glob made of one, ends in a hash. */
export function isShortened(stored: string): boolean {
  return stored.includes(SHORTENED)
}

/** Reads back what {@link encodeText} wrote. */
export function decodeText(encoded: string): string {
  if (!encoded.includes('%')) return encoded
  return encoded
    .replace(/%u([0-9A-F]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replace(/(?:%[0-9A-F]{2})+/g, bytes => Buffer.from(bytes.replaceAll('%', ''), 'hex').toString())
}

/** Percent-encodes what a stored key may not hold. A glob keeps its wildcards. */
export function encodeText(text: string): string {
  return text.replace(NOT_PLAIN, (character) => {
    const code = character.charCodeAt(0)
    // A lone surrogate has no UTF-8 form: spelt apart, or two of them would meet in the replacement character.
    if (character.length === 1 && code >= 0xD800 && code <= 0xDFFF) return `%u${code.toString(16).toUpperCase()}`
    return Buffer.from(character).toString('hex').toUpperCase().replace(/../g, '%$&')
  })
}

function shorten(encoded: string): string {
  return `${encoded.slice(0, HEAD_OF_LONG_KEY)}${SHORTENED}${createHash('sha256').update(encoded).digest('base64url')}`
}
