import type { Driver } from 'unstorage'
import { useCacheEngine } from '../cache/runtime'
import { createLog } from '../log'
import { defineNitroPlugin, useRuntimeConfig, useStorage } from '../nitro'
import { currentRedisConnection } from '../redis/current'
import { cacheStorageDriver } from './cache-driver'
import { clearBelowMounts } from './clear'
import { redisStorageDriver } from './driver'
import { mountAtRunTime } from './mount'
import type { StorageModuleOptions } from './settings'
import { resolveStorageSettings } from './settings'

const OWN_DRIVERS = ['nuxt-scale-redis', 'nuxt-scale-cache']

/** Mounts `useStorage('redis')` on the shared connection and `useStorage('cache')` on the cache engine. */
export default defineNitroPlugin(() => {
  const { scale } = useRuntimeConfig()
  const settings = resolveStorageSettings(scale.storage as StorageModuleOptions)
  const storage = useStorage()
  const log = createLog('storage')
  const mount = (base: string, driver: Driver) => {
    mountAtRunTime(storage, base, driver, log).catch(error => log.error(`useStorage('${base}') could not be mounted.`, error))
  }
  clearBelowMounts(storage, driver => OWN_DRIVERS.includes(driver.name ?? ''))
  const connection = currentRedisConnection()
  if (connection && settings.redis !== undefined) mount(settings.redis, redisStorageDriver({ connection, base: settings.redis }))
  if (settings.cache && scale.cache) mount('cache', cacheStorageDriver(useCacheEngine))
})
