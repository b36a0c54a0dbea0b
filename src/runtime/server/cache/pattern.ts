import { escapeGlob } from '../redis/scan'
import { literalParts, matchesGlob } from './glob'
import { decodeText, encodeKey, encodeText, isShortened, SCOPE_DELIMITER } from './key'
import type { ScopedPattern } from './store'

/**
 * Serializes a pattern for the bus: scope, space, glob. {@link patternTest} reads it.
 * A named scope is prefixed with `=`, so that no scope (`=`), every scope (`*`) and a scope named `*` differ.
 */
export function writePattern({ scope, glob }: ScopedPattern): string {
  return `${scope === '*' ? '*' : `=${scope === '' ? '' : encodeKey(scope)}`} ${glob}`
}

/**
 * Creates a test of encoded keys from the result of {@link writePattern}. It compares decoded keys, as the caller wrote them.
 * A shortened long key cannot be decoded and is compared in its stored form.
 */
export function patternTest(text: string): (key: string) => boolean {
  const space = text.indexOf(' ')
  const scope = text.slice(0, space)
  const glob = text.slice(space + 1)
  const spell = isShortened(glob) ? (stored: string) => stored : decodeText
  const pattern = spell(glob)
  return (key) => {
    const delimiter = key.indexOf(SCOPE_DELIMITER)
    const inScope = scope === '*' || key.slice(0, Math.max(delimiter, 0)) === scope.slice(1)
    return inScope && matchesGlob(pattern, spell(key.slice(delimiter + 1)))
  }
}

/**
 * Returns a glob for SCAN MATCH. It finds every stored key that {@link patternTest} accepts, and possibly others.
 * Redis compares bytes of encoded keys, where one character takes 1 to 12 bytes. Each wildcard therefore becomes `*`.
 */
export function scanPattern({ scope, glob }: ScopedPattern): string {
  if (scope === '*') return '*'
  const parts = literalParts(decodeText(glob)).map(part => escapeGlob(encodeText(part)))
  const wide = isShortened(glob)
    ? glob
    : parts.filter((part, index) => part !== '' || index === 0 || index === parts.length - 1).join('*')
  return scope === '' ? wide : `${escapeGlob(encodeKey(scope))}\\${SCOPE_DELIMITER}${wide}`
}
