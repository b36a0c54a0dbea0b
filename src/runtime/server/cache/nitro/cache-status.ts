import type { CacheSource } from '../types'

/** `Cache-Status` of a response (RFC 9211), which names the level in `detail`. Made once: a hit allocates nothing for it. */
export const cacheStatus: Readonly<Record<CacheSource, string>> = {
  l1: 'nuxt-scale; hit; detail=l1',
  l2: 'nuxt-scale; hit; detail=l2',
  stale: 'nuxt-scale; hit; detail=stale',
  loader: 'nuxt-scale; fwd=miss; detail=loader',
  uncacheable: 'nuxt-scale; fwd=miss; detail=uncacheable',
}
