import { parseSwitch, refuseOtherThanObject, refuseUnknownKeys } from '../settings'

/** `scale.storage`: unstorage mounts, made when the server starts. */
export interface StorageModuleOptions {
  /**
   * Name of the mount on Redis, as in `useStorage('redis')`; `false` for none. Without Redis the name belongs to the default storage of Nitro,
   * which is the memory of the process. A mount of the app with this name stays.
   * @default 'redis'
   * @env NUXT_SCALE_STORAGE_REDIS
   */
  redis?: false | string
  /**
   * Makes `useStorage('cache')` a view of the cache, so that clearing it invalidates. A mount `cache` of the app stays.
   * @default true
   * @env NUXT_SCALE_STORAGE_CACHE
   */
  cache?: boolean
}

export const storageDefaults = { redis: 'redis', cache: true } as const satisfies StorageModuleOptions

/** @throws Error naming the option that is wrong */
export function resolveStorageSettings(options: StorageModuleOptions = {}): { redis: string | undefined, cache: boolean } {
  refuseOtherThanObject(options, 'scale.storage')
  refuseUnknownKeys(options, Object.keys(storageDefaults), 'scale.storage')
  const { redis = storageDefaults.redis, cache = storageDefaults.cache } = options
  if (redis !== false && !(typeof redis === 'string' && /^[\w-]+$/.test(redis))) {
    throw new TypeError(`scale.storage.redis is ${JSON.stringify(redis)}: write a name of letters, digits, - and _, or false.`)
  }
  return { redis: redis === false ? undefined : redis, cache: parseSwitch(cache, 'scale.storage.cache') }
}
