import type { StackFrame } from './parse-stack'

/** The parts of an error that its fingerprint contains. */
export interface Fingerprinted {
  kind: string
  name: string
  message: string
  frames: readonly StackFrame[]
}

/** Number of frames in a fingerprint. Deeper frames differ with the caller. */
const FRAMES = 8

/**
 * Returns the fingerprint of an error, which groups occurrences of the same error: its name and its stack without hosts and queries.
 * An error without a stack is grouped by its message without numbers and quoted values.
 */
export function fingerprintOf({ kind, name, message, frames }: Fingerprinted): string {
  const place = frames.length > 0
    ? frames.slice(0, FRAMES).join('\n')
    : message.replace(/"[^"]*"|'[^']*'|`[^`]*`|[\da-f]{8,}|\d+/gi, '*')
  return hashOf(`${kind}\n${name}\n${place}`)
}

/**
 * Hashes a string to 53 bits. The hash is not cryptographic: a client that forges an error can only join a group.
 *
 * @see cyrb53 by bryc, public domain
 */
function hashOf(text: string): string {
  let one = 0xDEADBEEF
  let two = 0x41C6CE57
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    one = Math.imul(one ^ code, 2654435761)
    two = Math.imul(two ^ code, 1597334677)
  }
  one = Math.imul(one ^ one >>> 16, 2246822507) ^ Math.imul(two ^ two >>> 13, 3266489909)
  two = Math.imul(two ^ two >>> 16, 2246822507) ^ Math.imul(one ^ one >>> 13, 3266489909)
  return (4294967296 * (2097151 & two) + (one >>> 0)).toString(36)
}
