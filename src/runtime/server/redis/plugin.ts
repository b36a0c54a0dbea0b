import { useFeatureConfig } from '../core/scale-config'
import { onClose } from '../core/closing'
import { provideHealthCheck } from '../core/health-checks'
import { defineNitroPlugin } from '../nitro'
import { createLog } from '../core/log'
import { createRedisConnection } from './connection'
import { createRedisHealthCheck } from './health-check'
import { redisService } from './service'
import { redisSettings } from './settings'
import type { RedisRuntimeOptions } from './runtime-options'

/** Opens the shared connection when the server starts, and closes it after all features that use it. */
export default defineNitroPlugin((nitroApp) => {
  // During prerendering there is no Redis to connect to.
  if (import.meta.prerender) return
  const settings = redisSettings.resolve(useFeatureConfig<RedisRuntimeOptions>('redis'), process.env)
  if (!settings) return
  const connection = createRedisConnection(settings, { log: createLog('redis') })
  redisService.provide(connection)
  nitroApp.redis = connection.client
  provideHealthCheck(createRedisHealthCheck(connection))
  onClose(nitroApp, 'redis', () => {
    redisService.provide(undefined)
    return connection.close()
  })
})
