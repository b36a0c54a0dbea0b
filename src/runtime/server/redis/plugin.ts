import { defineNitroPlugin, useRuntimeConfig } from '../nitro'
import { createLog } from '../log'
import { createRedisConnection } from './connection'
import { setCurrentRedisConnection } from './current'
import type { RedisRuntimeOptions } from './runtime-options'
import { resolveRedisSettings } from './settings'

/** Opens the shared connection when the server starts, and closes it last. While pages are prerendered there is no server to talk to. */
export default defineNitroPlugin((nitroApp) => {
  if (import.meta.prerender) return
  const settings = resolveRedisSettings(useRuntimeConfig().scale.redis as RedisRuntimeOptions, process.env)
  if (!settings) return
  const connection = createRedisConnection(settings, { log: createLog('redis') })
  setCurrentRedisConnection(connection)
  nitroApp.redis = connection.client
  // Registered after every plugin of this turn, so that whatever uses the connection closes before it does.
  queueMicrotask(() => nitroApp.hooks.hookOnce('close', async () => {
    setCurrentRedisConnection(undefined)
    await connection.close()
  }))
})
