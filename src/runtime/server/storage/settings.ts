import { parseSwitch, refuseOtherThanObject, refuseUnknownKeys } from '../core/settings'

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

export const storageDefaults = { redis: 'redis', cache: true } as const satisfies StorageModuleOptions

/** @throws Error that names the invalid option */
export function resolveStorageSettings(options: StorageModuleOptions = {}): { redis: string | undefined, cache: boolean } {
  refuseOtherThanObject(options, 'scale.storage')
  refuseUnknownKeys(options, Object.keys(storageDefaults), 'scale.storage')
  const { redis = storageDefaults.redis, cache = storageDefaults.cache } = options
  if (redis !== false && !(typeof redis === 'string' && /^[\w-]+$/.test(redis))) {
    throw new TypeError(`scale.storage.redis is ${JSON.stringify(redis)}: write a name of letters, digits, - and _, or false.`)
  }
  return { redis: redis === false ? undefined : redis, cache: parseSwitch(cache, 'scale.storage.cache') }
}
