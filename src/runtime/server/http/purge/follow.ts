import { withoutScope } from '../../cache/key'
import type { Invalidation, InvalidationListener } from '../../cache/types'
import { withDeadline } from '../../deadline'
import type { TagFormat } from '../tag-header'
import { wireTag, wireTagEverywhere } from '../tag-header'
import type { PurgeQueue } from './queue'

/** Keys of cached routes, which their responses bear as a tag. No other key is ever at a CDN. */
const ROUTE = 'route:'

/**
 * Purges at the CDN what the cache has taken away.
 *
 * @param wait milliseconds that an invalidation waits for the CDN
 */
export function followInvalidations(queue: Pick<PurgeQueue, 'purge'>, format: TagFormat, wait: number, log: { warn: (message: string) => void }): InvalidationListener {
  let hasWarned = false

  function warnOfPattern({ glob }: { glob: string }): void {
    if (hasWarned || !glob.startsWith(ROUTE)) return
    hasWarned = true
    log.warn('A pattern of cached routes was invalidated, which no CDN can be purged by: its copies live until their time is over. Invalidate by tag, or by key. This is said once.')
  }

  return async (invalidation, strict) => {
    if (invalidation.kind === 'pattern') return warnOfPattern(invalidation.pattern)
    const keys = keysOf(invalidation, format)
    if (keys.length === 0) return
    try {
      await withDeadline(queue.purge(keys), wait, () => new Error(`The CDN has not confirmed the purge within ${wait} ms.`))
    }
    catch (error) {
      // The queue has said why, once.
      if (strict) throw error
    }
  }
}

/** What a purge of the CDN has to name. */
export function keysOf(invalidation: Exclude<Invalidation, { kind: 'pattern' }>, format: TagFormat): string[] {
  switch (invalidation.kind) {
    case 'tag': return [wireTag(invalidation.tag, format)]
    // Responses without a scope bear the plain tag, all others both their own and that of every scope.
    case 'tag everywhere': return [wireTag(invalidation.tag, format), wireTagEverywhere(invalidation.tag, format)]
    case 'key': return withoutScope(invalidation.key).startsWith(ROUTE) ? [wireTag(invalidation.key, format)] : []
  }
}
