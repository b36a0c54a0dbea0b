import type { H3Event } from 'h3'
import type { LoadContext } from '../types'

/** Loads in progress, by the context object that an event shares with the copy its cached handler runs on. */
const loads = new WeakMap<object, Set<LoadContext>>()

/**
 * Adds tags to the cached response (or cached function value) that is being made for this event, so that
 * `invalidateCacheTags` finds it. Works in a cached handler, in a page that a route rule caches, and in anything they call.
 * Outside of a load it does nothing, so code need not know whether somebody caches it.
 */
export function addEventCacheTags(event: Pick<H3Event, 'context'>, tags: string | readonly string[]): void {
  const list = typeof tags === 'string' ? [tags] : tags
  for (const load of loads.get(event.context) ?? []) load.addTags(list)
}

/** Runs `task` so that {@link addEventCacheTags} on this event reaches `load`. Nested loads all hear of a tag. */
export async function withLoad<T>(event: Pick<H3Event, 'context'>, load: LoadContext, task: () => T | Promise<T>): Promise<T> {
  const { context } = event
  let active = loads.get(context)
  if (!active) loads.set(context, active = new Set())
  active.add(load)
  try {
    return await task()
  }
  finally {
    active.delete(load)
  }
}
