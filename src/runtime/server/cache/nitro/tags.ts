import type { H3Event } from 'h3'
import { nameResponseTags } from '../response-tags'
import type { LoadContext } from '../types'

/**
 * Property of the context object that contains the running loads. An event shares this object with the separate event of its
 * cached handler. The symbol is registered, because the page bundle and the server bundle may each contain a copy of this file.
 */
const LOADS = Symbol.for('nuxt-scale.cache.loads')

type ContextWithLoads = object & { [LOADS]?: Set<LoadContext> }

/**
 * Adds tags to the running loads of this event (a cached response, or the value of a cached function), so that
 * `invalidateCacheTags` finds their entries. Works in a cached handler, in a page that a route rule caches, and in code that they call.
 * Outside a load, the tags apply to the response itself, for a CDN. The calling code therefore need not know which cache is used.
 */
export function addEventCacheTags(event: Pick<H3Event, 'context' | 'node'>, tags: string | readonly string[]): void {
  const list = typeof tags === 'string' ? [tags] : tags
  const loads = (event.context as ContextWithLoads)[LOADS]
  if (loads === undefined || loads.size === 0) nameResponseTags(event.node.res, list)
  else for (const load of loads) load.addTags(list)
}

/** Runs `task` so that {@link addEventCacheTags} on this event adds tags to `load`. A tag is added to all nested loads. */
export async function withLoad<T>(event: Pick<H3Event, 'context'>, load: LoadContext, task: () => T | Promise<T>): Promise<T> {
  const loads = loadsOf(event.context)
  loads.add(load)
  try {
    return await task()
  }
  finally {
    loads.delete(load)
  }
}

function loadsOf(context: ContextWithLoads): Set<LoadContext> {
  const known = context[LOADS]
  if (known) return known
  const loads = new Set<LoadContext>()
  Object.defineProperty(context, LOADS, { value: loads })
  return loads
}
