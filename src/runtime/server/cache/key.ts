import { createHash } from 'node:crypto'

/** Separates the scope from the caller's key. It is encoded inside keys, so a key without a scope never contains it. */
export const SCOPE_DELIMITER = '|'

/** Longest encoded key, in bytes, that is stored unshortened. A longer key keeps its first 400 bytes and ends in a hash. */
export const LONGEST_KEY = 512
const HEAD_OF_LONG_KEY = 400
/** Precedes the hash of a long key. The encoding never produces it, so a shortened key cannot equal another key. */
const SHORTENED = '%~'

/** Printable ASCII without space, `%`, `{`, `|` and `}`. Such a key equals its encoding, so an L1 hit need not encode it. */
const PLAIN = /^[!-$&-z~]*$/
const NOT_PLAIN = /[^!-$&-z~]/gu

/**
 * Encodes a key (or a tag) of a caller. Different keys have different encodings, no brace breaks the Cluster hash tag,
 * and the key stays readable in redis-cli.
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

/** Encodes a glob as {@link encodeKey} encodes keys, but keeps `*`, `?`, `[…]` and `\`. */
export function encodePattern(pattern: string): string {
  if (typeof pattern !== 'string' || pattern === '') {
    const actual = pattern === '' ? 'an empty string' : `of type ${typeof pattern}`
    throw new TypeError(`A cache pattern is ${actual}: pass a glob such as 'product:*'.`)
  }
  return encodeText(pattern)
}

/** Whether a stored key equals the caller's key: nothing is encoded, and it has no scope. No other caller's key can then equal it. */
export function isPlainKey(stored: string): boolean {
  return PLAIN.test(stored)
}

/** Adds a scope (the tenant, or `''` for none) to an encoded key. */
export function scopedKey(scope: string, encoded: string): string {
  return scope === '' ? encoded : encodeKey(scope) + SCOPE_DELIMITER + encoded
}

/** Removes the scope from a stored key or tag. The result is still encoded. */
export function withoutScope(stored: string): string {
  return stored.slice(stored.indexOf(SCOPE_DELIMITER) + 1)
}

/** Decodes a stored key to the form that the caller wrote, without its scope. A shortened key stays encoded. */
export function decodeKey(stored: string): string {
  const key = withoutScope(stored)
  return isShortened(key) ? key : decodeText(key)
}

/** Whether a stored key, or a glob that was built from one, is shortened and ends in a hash. */
export function isShortened(stored: string): boolean {
  return stored.includes(SHORTENED)
}

/** Reverses {@link encodeText}. */
export function decodeText(encoded: string): string {
  if (!encoded.includes('%')) return encoded
  return encoded
    .replace(/%u([0-9A-F]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replace(/(?:%[0-9A-F]{2})+/g, bytes => Buffer.from(bytes.replaceAll('%', ''), 'hex').toString())
}

/** Percent-encodes the characters that a stored key must not contain. The wildcards of a glob are kept. */
export function encodeText(text: string): string {
  return text.replace(NOT_PLAIN, (character) => {
    const code = character.charCodeAt(0)
    // A lone surrogate has no UTF-8 form. It gets its own escape; otherwise all of them would become the same replacement character.
    if (character.length === 1 && code >= 0xD800 && code <= 0xDFFF) return `%u${code.toString(16).toUpperCase()}`
    return Buffer.from(character).toString('hex').toUpperCase().replace(/../g, '%$&')
  })
}

function shorten(encoded: string): string {
  return `${encoded.slice(0, HEAD_OF_LONG_KEY)}${SHORTENED}${createHash('sha256').update(encoded).digest('base64url')}`
}
