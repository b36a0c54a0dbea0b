import type { Driver, Storage } from 'unstorage'

/**
 * Mounts a driver at `base` and replaces an existing mount. Development and some presets create mounts before a plugin runs.
 * The old driver is disposed after the new one is mounted.
 * If that fails, the error is only logged, because the old driver is no longer used.
 */
export async function mountAtRunTime(
  storage: Storage, base: string, driver: Driver, log: { warn: (message: string, error: unknown) => void },
): Promise<void> {
  const old = storage.getMount(`${base}:`)
  const replaces = old.base === `${base}:`
  if (replaces) await storage.unmount(base, false)
  storage.mount(base, driver)
  if (replaces) {
    await Promise.resolve(old.driver.dispose?.())
      .catch(error => log.warn(`The storage driver that nuxt-scale replaced at "${base}" could not be closed.`, error))
  }
}
