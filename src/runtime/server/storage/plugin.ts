import { useFeatureConfig, useScaleConfig } from '../core/scale-config'
import nitroMounts from '#scale/nitro-mounts.mjs'
import type { Driver, Storage } from 'unstorage'
import { useCacheEngine } from '../cache/service'
import { createLog } from '../core/log'
import { defineNitroPlugin, useStorage } from '../nitro'
import { redisService } from '../redis/service'
import { cacheStorageDriver } from './cache-driver'
import { clearBelowMounts } from './clear'
import { redisStorageDriver } from './driver'
import { mountAtRunTime } from './mount'
import type { StorageModuleOptions } from './settings'
import { storageSettings } from './settings'

const OWN_DRIVERS = ['nuxt-scale-redis', 'nuxt-scale-cache']

/**
 * Mounts `useStorage('redis')` on the shared connection and `useStorage('cache')` on the cache engine.
 * A name for which the app has its own mount is left as it is.
 */
export default defineNitroPlugin(() => {
  const scale = useScaleConfig()
  const settings = storageSettings.resolve(useFeatureConfig<StorageModuleOptions>('storage'))
  const storage = useStorage()
  const log = createLog('storage')

  /** @param advice second sentence of the warning, for an app that has its own mount of this name */
  function mount(base: string, driver: Driver, advice: string): void {
    if (isOfApp(storage, base)) {
      if (!import.meta.prerender) log.warn(`useStorage('${base}') is a mount of the app, so nuxt-scale does not replace it. ${advice}`)
      return
    }
    mountAtRunTime(storage, base, driver, log).catch(error => log.error(`useStorage('${base}') could not be mounted.`, error))
  }

  clearBelowMounts(storage, driver => OWN_DRIVERS.includes(driver.name ?? ''))
  const connection = redisService.find()
  if (connection && settings.redis !== undefined) {
    mount(
      settings.redis,
      redisStorageDriver({ connection, base: settings.redis }),
      'To mount the Redis connection of nuxt-scale as well, set scale.storage.redis to another name, or to false to silence this warning.',
    )
  }
  if (settings.cache && scale.cache) {
    mount(
      'cache',
      cacheStorageDriver(useCacheEngine),
      'It does not contain the cache of nuxt-scale, and clearing it invalidates nothing. Rename the '
      + 'mount, or set scale.storage.cache to false.',
    )
  }
  if (!connection && scale.redis && settings.redis !== undefined && !import.meta.dev && !import.meta.prerender) {
    logMemoryMount(settings.redis)
  }

  function logMemoryMount(base: string): void {
    const { driver } = storage.getMount(`${base}:`)
    if (driver.name !== 'memory' || isOfApp(storage, base)) return
    log.info(`Redis is not configured, so useStorage('${base}') keeps its entries in the memory of this process. `
      + 'They are lost when it stops, and other processes do not see them.')
  }
})

/** Whether the app itself created the mount of this name; mounts of Nitro and its preset may be replaced. */
function isOfApp(storage: Storage, base: string): boolean {
  return storage.getMount(`${base}:`).base === `${base}:` && !nitroMounts.includes(base)
}
