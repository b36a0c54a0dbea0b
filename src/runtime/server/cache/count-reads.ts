import { instrument } from '../core/instruments'
import type { CacheReads } from './types'

const requests = instrument('scale.cache.requests')

/** Creates the counters of a definition. @param name declared name; empty if there is none */
export function countReads(surface: CacheReads['surface'], name = ''): CacheReads {
  const of = (result: string) => requests.bind(surface, name, result)
  const miss = of('miss')
  return {
    surface, name, l1: of('l1_hit'), l2: of('l2_hit'), stale: of('stale'), loader: miss, uncacheable: miss, bypass: of('bypass'),
    error: of('error'),
  }
}

/** Reads of calls without a definition, such as `cacheWithRedis`. */
export const manualReads = countReads('manual')
