import { escapeGlob } from '../redis/scan'
import { literalParts, matchesGlob } from './glob'
import { decodeText, encodeKey, encodeText, isShortened, SCOPE_DELIMITER } from './key'
import type { ScopedPattern } from './store'

/**
 * A pattern as text: scope, space, glob. The scope has a mark before it, so that none, every one and one called `*` stay apart.
 * This is what goes over the bus; {@link patternTest} reads it.
 */
export function writePattern({ scope, glob }: ScopedPattern): string {
  return `${scope === '*' ? '*' : `=${scope === '' ? '' : encodeKey(scope)}`} ${glob}`
}

/**
 * A test of encoded keys, from what {@link writePattern} wrote. It compares characters of the caller's own strings, not of their encoding.
 * Only the shortened form of a long key is compared as it is stored.
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
 * A glob for SCAN MATCH that finds every stored key which {@link patternTest} accepts, and others: Redis compares bytes of the encoded keys,
 * in which a character takes one to twelve, so each wildcard becomes `*`.
 */
export function scanPattern({ scope, glob }: ScopedPattern): string {
  if (scope === '*') return '*'
  const parts = literalParts(decodeText(glob)).map(part => escapeGlob(encodeText(part)))
  const wide = isShortened(glob) ? glob : parts.filter((part, index) => part !== '' || index === 0 || index === parts.length - 1).join('*')
  return scope === '' ? wide : `${escapeGlob(encodeKey(scope))}\\${SCOPE_DELIMITER}${wide}`
}
