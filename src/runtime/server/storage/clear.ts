import type { Driver, Storage } from 'unstorage'

/**
 * Makes `storage.clear(base)` delete entries of a mount when `base` lies inside that mount.
 *
 * unstorage 1 clears only the mounts that lie inside `base`, so `useStorage('redis').clear('user')` silently does nothing.
 * This patch also clears the mount that contains `base`, if `owns` accepts its driver. All other mounts behave as before.
 * The patch also covers `useStorage(base)`, because its storage (`prefixStorage`) calls the patched one.
 *
 * @returns a function that removes the patch
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

/** Normalizes a base as unstorage does: slashes become colons, and a base ends with a colon. */
function normalizeBase(base = ''): string {
  const key = base.split('?', 1)[0]!.replace(/[/\\]/g, ':').replace(/:+/g, ':').replace(/^:|:$/g, '')
  return key && `${key}:`
}
