import type { CacheSettings } from './settings'
import type { CacheEngine } from './types'

let engine: CacheEngine | undefined
let settings: CacheSettings | undefined

/**
 * Returns the cache of this process.
 *
 * @throws Error when the server has not started yet
 */
export function useCacheEngine(): CacheEngine {
  if (!engine) {
    throw new Error('The cache was used before the server started: call it in a handler or in a plugin, not at the top level of a file.')
  }
  return engine
}

/** The settings of `scale.cache` that cached routes and functions use. Seconds and bytes. */
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
