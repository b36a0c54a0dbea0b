import type { Driver, Storage } from 'unstorage'

/**
 * Puts a driver in the place of whatever is mounted at `base`. Development and some presets mount their own before a plugin runs.
 * The old driver is disposed after the new one stands, and its failure to do so is logged, since nothing uses it any more.
 */
export async function mountAtRunTime(storage: Storage, base: string, driver: Driver, log: { warn: (message: string, error: unknown) => void }): Promise<void> {
  const old = storage.getMount(`${base}:`)
  const replaces = old.base === `${base}:`
  if (replaces) await storage.unmount(base, false)
  storage.mount(base, driver)
  if (replaces) {
    await Promise.resolve(old.driver.dispose?.()).catch(error => log.warn(`The driver that was mounted at "${base}" before did not close.`, error))
  }
}
