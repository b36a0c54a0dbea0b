import type { CacheSource } from '../types'

/** `Cache-Status` headers (RFC 9211), which name the level in `detail`. They are constants, so that a hit allocates nothing. */
export const cacheStatus: Readonly<Record<CacheSource, string>> = {
  l1: 'nuxt-scale; hit; detail=l1',
  l2: 'nuxt-scale; hit; detail=l2',
  stale: 'nuxt-scale; hit; detail=stale',
  loader: 'nuxt-scale; fwd=miss; detail=loader',
  uncacheable: 'nuxt-scale; fwd=miss; detail=uncacheable',
}
