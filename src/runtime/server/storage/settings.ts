import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'
import { parseSwitch } from '../core/settings'

/** `scale.storage`: the unstorage mounts that nuxt-scale creates when the server starts. */
export interface StorageModuleOptions {
  /**
   * Name of the mount on Redis, as in `useStorage('redis')`; `false` creates none.
   * Without Redis, Nitro's default storage serves the name from the memory of the process.
   * If the app has a mount of this name, nuxt-scale does not replace it.
   * @default 'redis'
   * @env NUXT_SCALE_STORAGE_REDIS
   */
  redis?: false | string
  /**
   * Makes `useStorage('cache')` read and invalidate the cache.
   * If the app has a mount named `cache`, nuxt-scale does not replace it.
   * @default true
   * @env NUXT_SCALE_STORAGE_CACHE
   */
  cache?: boolean
}

/** Validated settings. */
interface StorageSettings {
  /** Name of the mount on Redis; undefined for none. */
  redis: string | undefined
  cache: boolean
}

/** The options of `scale.storage`. */
export const storageSettings = defineSettings({
  path: 'scale.storage',
  defaults: { redis: 'redis', cache: true },
  resolve: resolveStorage,
})

function resolveStorage({ redis, cache }: Complete<StorageModuleOptions>): StorageSettings {
  if (redis !== false && !(typeof redis === 'string' && /^[\w-]+$/.test(redis))) {
    throw new TypeError(`scale.storage.redis is ${JSON.stringify(redis)}: write a name of letters, digits, - and _, or false.`)
  }
  return { redis: redis === false ? undefined : redis, cache: parseSwitch(cache, 'scale.storage.cache') }
}
