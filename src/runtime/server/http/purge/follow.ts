import { withoutScope } from '../../cache/key'
import type { Invalidation, InvalidationListener } from '../../cache/types'
import { withDeadline } from '../../core/deadline'
import type { TagFormat } from '../tag-header'
import { wireTag, wireTagEverywhere } from '../tag-header'
import type { PurgeQueue } from './queue'

/** Prefix of the keys of cached routes. Their responses include the key as a tag. Other keys never reach a CDN. */
const ROUTE = 'route:'

/**
 * Creates a listener that purges the CDN after each invalidation of the cache.
 *
 * @param wait milliseconds that an invalidation waits for the CDN
 */
export function followInvalidations(
  queue: Pick<PurgeQueue, 'purge'>, format: TagFormat, wait: number, log: { warn: (message: string) => void },
): InvalidationListener {
  let hasWarned = false

  function warnOfPattern({ glob }: { glob: string }): void {
    if (hasWarned || !glob.startsWith(ROUTE)) return
    hasWarned = true
    log.warn(
      'A pattern of cached routes was invalidated, but a CDN cannot be purged by pattern, so it serves old copies until they expire: '
      + 'invalidate by tag or by key. This warning appears once.',
    )
  }

  return async (invalidation, strict) => {
    if (invalidation.kind === 'pattern') return warnOfPattern(invalidation.pattern)
    const keys = keysOf(invalidation, format)
    if (keys.length === 0) return
    try {
      await withDeadline(queue.purge(keys), wait, () => new Error(`The CDN has not confirmed the purge within ${wait} ms.`))
    }
    catch (error) {
      // The queue has already logged the reason.
      if (strict) throw error
    }
  }
}

/** Returns the tags that must be purged at the CDN. */
export function keysOf(invalidation: Exclude<Invalidation, { kind: 'pattern' }>, format: TagFormat): string[] {
  switch (invalidation.kind) {
    case 'tag': return [wireTag(invalidation.tag, format)]
    // Responses without a scope include the plain tag. All others include the tag of their scope and the tag of every scope.
    case 'tag everywhere': return [wireTag(invalidation.tag, format), wireTagEverywhere(invalidation.tag, format)]
    case 'key': return withoutScope(invalidation.key).startsWith(ROUTE) ? [wireTag(invalidation.key, format)] : []
  }
}
