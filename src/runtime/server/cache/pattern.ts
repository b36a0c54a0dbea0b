import { matchesGlob } from './glob'
import { encodeKey, SCOPE_DELIMITER } from './key'
import type { ScopedPattern } from './store'

/**
 * A pattern as text: scope, space, glob. The scope has a mark before it, so that none, every one and one called `*` stay apart.
 * This is what goes over the bus; {@link patternTest} reads it.
 */
export function writePattern({ scope, glob }: ScopedPattern): string {
  return `${scope === '*' ? '*' : `=${scope === '' ? '' : encodeKey(scope)}`} ${glob}`
}

/** A test of encoded keys, from what {@link writePattern} wrote. */
export function patternTest(text: string): (key: string) => boolean {
  const space = text.indexOf(' ')
  const scope = text.slice(0, space)
  const glob = text.slice(space + 1)
  return (key) => {
    const delimiter = key.indexOf(SCOPE_DELIMITER)
    const inScope = scope === '*' || key.slice(0, Math.max(delimiter, 0)) === scope.slice(1)
    return inScope && matchesGlob(glob, key.slice(delimiter + 1))
  }
}
