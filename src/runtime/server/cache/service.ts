import { defineService } from '../core/service'
import type { CacheSettings } from './settings'
import type { CacheEngine } from './types'

/** The cache of this process, and its settings. */
export const cacheService = defineService<{ engine: CacheEngine, settings: CacheSettings }>(
  'The cache was used before the server started: call it in a handler or in a plugin, not at the top level of a file.',
)

/**
 * Returns the cache of this process.
 *
 * @throws Error when the server has not started yet
 */
export function useCacheEngine(): CacheEngine {
  return cacheService.use().engine
}

/** The settings of `scale.cache` that cached routes and functions need. */
export function nitroCacheSettings(): { debugHeaders: boolean, staleMaxAge: number, maxBodySize: number } {
  const settings = cacheService.find()?.settings
  return {
    debugHeaders: settings?.debugHeaders ?? false,
    staleMaxAge: (settings?.staleMaxAge ?? 0) / 1000,
    maxBodySize: settings?.maxBodySize ?? 0,
  }
}
