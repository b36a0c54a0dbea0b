import { useFeatureConfig } from '../core/scale-config'
import { onClose } from '../core/closing'
import { instrument, onRead } from '../core/instruments'
import { createLog } from '../core/log'
import { defineNitroPlugin } from '../nitro'
import { redisService } from '../redis/service'
import { createCacheEngine } from './create'
import { createAppCache } from './app-cache'
import { cacheService } from './service'
import type { CacheModuleOptions } from './settings'
import { cacheSettings } from './settings'
import { currentScope } from '../request/call-context'

/** Starts the cache of this process: on Redis if it is configured, otherwise in the memory of the process alone. */
export default defineNitroPlugin((nitroApp) => {
  const settings = cacheSettings.resolve(useFeatureConfig<CacheModuleOptions>('cache'))
  if (import.meta.dev) settings.debugHeaders = true
  const connection = redisService.find()
  const log = createLog('cache')
  const engine = createCacheEngine({ settings, connection, log, scope: currentScope, development: import.meta.dev })
  cacheService.provide({ engine, settings })
  nitroApp.cache = createAppCache(engine)
  if (!connection && !import.meta.dev && !import.meta.prerender) {
    log.warn('Redis is not configured: each instance has a cache of its own in memory. '
      + 'Set NUXT_SCALE_REDIS_URL to share it between instances.')
  }
  const [entries, bytes] = [instrument('scale.cache.entries'), instrument('scale.cache.bytes')]
  const stopReading = onRead(() => {
    entries.record(engine.memory.entries, 'l1')
    bytes.record(engine.memory.bytes, 'l1')
  })
  onClose(nitroApp, 'caches', () => {
    stopReading()
    return engine.close()
  })
})
