import type { Driver, Storage } from 'unstorage'

/**
 * Makes `clear(base)` of a storage reach the entries below a mount.
 *
 * unstorage 1 asks only the mounts that lie inside `base`, so `useStorage('redis').clear('user')` does nothing and
 * says nothing. With this the mount that `base` lies in is asked too, when `owns` recognises its driver; every other
 * mount behaves as before. Storages made by `prefixStorage`, which is what `useStorage(base)` returns, follow, because
 * they call the storage they were made of.
 *
 * @returns a function that undoes it
 */
export function clearBelowMounts(storage: Storage, owns: (driver: Driver) => boolean): () => void {
  const original = storage.clear
  storage.clear = async (base, options = {}) => {
    const start = normalizeBase(base)
    const mount = storage.getMount(start)
    if (start.length > mount.base.length && owns(mount.driver)) {
      await mount.driver.clear?.(start.slice(mount.base.length), options)
    }
    await original.call(storage, base, options)
  }
  return () => {
    storage.clear = original
  }
}

/** As unstorage does it: slashes are colons, and a base ends with one. */
function normalizeBase(base = ''): string {
  const key = base.split('?', 1)[0]!.replace(/[/\\]/g, ':').replace(/:+/g, ':').replace(/^:|:$/g, '')
  return key && `${key}:`
}
