import nitroMounts from '#scale/nitro-mounts.mjs'
import type { Driver, Storage } from 'unstorage'
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

/** Mounts `useStorage('redis')` on the shared connection and `useStorage('cache')` on the cache engine, unless the app has mounts of these names. */
export default defineNitroPlugin(() => {
  const { scale } = useRuntimeConfig()
  const settings = resolveStorageSettings(scale.storage as StorageModuleOptions)
  const storage = useStorage()
  const log = createLog('storage')

  function mount(base: string, driver: Driver, whatNow: string): void {
    if (isOfApp(storage, base)) {
      if (!import.meta.prerender) log.warn(`useStorage('${base}') is a mount of the app, which nuxt-scale leaves as it is: ${whatNow}.`)
      return
    }
    mountAtRunTime(storage, base, driver, log).catch(error => log.error(`useStorage('${base}') could not be mounted.`, error))
  }

  clearBelowMounts(storage, driver => OWN_DRIVERS.includes(driver.name ?? ''))
  const connection = currentRedisConnection()
  if (connection && settings.redis !== undefined) {
    mount(settings.redis, redisStorageDriver({ connection, base: settings.redis }), 'to use the connection of nuxt-scale too, set scale.storage.redis to another name; false silences this line')
  }
  if (settings.cache && scale.cache) {
    mount('cache', cacheStorageDriver(useCacheEngine), 'the cache is not stored in it, and clearing it invalidates nothing. Rename the mount, or set scale.storage.cache to false')
  }
  if (!connection && scale.redis && settings.redis !== undefined && !import.meta.dev && !import.meta.prerender) sayWithoutRedis(settings.redis)

  function sayWithoutRedis(base: string): void {
    const { driver } = storage.getMount(`${base}:`)
    if (driver.name !== 'memory' || isOfApp(storage, base)) return
    log.info(`Redis is not configured, so useStorage('${base}') keeps its entries in the memory of this process: they are lost when it stops, and other processes do not see them.`)
  }
})

/** Whether something is mounted under a name that neither Nitro nor its preset uses. */
function isOfApp(storage: Storage, base: string): boolean {
  return storage.getMount(`${base}:`).base === `${base}:` && !nitroMounts.includes(base)
}
