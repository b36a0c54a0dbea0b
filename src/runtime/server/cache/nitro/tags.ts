import type { H3Event } from 'h3'
import { nameResponseTags } from '../../response-tags'
import type { LoadContext } from '../types'

/**
 * Where the loads in progress are kept: on the context object, which an event shares with the copy its cached handler
 * runs on. A registered symbol, since the page bundle and the server bundle may each hold a copy of this file.
 */
const LOADS = Symbol.for('nuxt-scale.cache.loads')

type LoadBearer = object & { [LOADS]?: Set<LoadContext> }

/**
 * Adds tags to the cached response (or cached function value) that is being made for this event, so that
 * `invalidateCacheTags` finds it. Works in a cached handler, in a page that a route rule caches, and in anything they call.
 * Outside of a load they are tags of the response itself, which only a shared cache in front may keep: code need not know who caches it.
 */
export function addEventCacheTags(event: Pick<H3Event, 'context' | 'node'>, tags: string | readonly string[]): void {
  const list = typeof tags === 'string' ? [tags] : tags
  const loads = (event.context as LoadBearer)[LOADS]
  if (loads === undefined || loads.size === 0) nameResponseTags(event.node.res, list)
  else for (const load of loads) load.addTags(list)
}

/** Runs `task` so that {@link addEventCacheTags} on this event reaches `load`. Nested loads all hear of a tag. */
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

function loadsOf(context: LoadBearer): Set<LoadContext> {
  const known = context[LOADS]
  if (known) return known
  const loads = new Set<LoadContext>()
  Object.defineProperty(context, LOADS, { value: loads })
  return loads
}
