import type { CacheSettings } from './settings'
import type { CacheEngine } from './types'

let engine: CacheEngine | undefined
let settings: CacheSettings | undefined

/**
 * The cache of this process.
 *
 * @throws Error before the server has started
 */
export function useCacheEngine(): CacheEngine {
  if (!engine) throw new Error('The cache was used before the server started: call it in a handler, or in a plugin of your own, not at the top of a file.')
  return engine
}

/** What cached routes and functions need to know of `scale.cache`. */
export function cacheSettings(): { debugHeaders: boolean, staleMaxAge: number, maxBodySize: number } {
  return {
    debugHeaders: settings?.debugHeaders ?? false,
    staleMaxAge: (settings?.staleMaxAge ?? 0) / 1000,
    maxBodySize: settings?.maxBodySize ?? 0,
  }
}

export function setCacheEngine(newEngine: CacheEngine, newSettings: CacheSettings): void {
  engine = newEngine
  settings = newSettings
}
