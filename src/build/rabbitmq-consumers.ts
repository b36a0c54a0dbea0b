import type { FSWatcher } from 'node:fs'
import { existsSync, readdirSync, statSync, watch } from 'node:fs'
import { dirname, join } from 'node:path'
import { getLayerDirectories } from '@nuxt/kit'
import type { Nuxt } from '@nuxt/schema'
import type { Nitro } from 'nitropack/types'

/** The consumer folders of the app and its layers. */
export function consumerFolders(nuxt: Nuxt): string[] {
  return getLayerDirectories(nuxt).map(({ server }) => join(server, 'consumers'))
}

const SCRIPT = /\.[cm]?[jt]s$/
const NO_CONSUMER = /\.(?:d|test|spec)\.[cm]?[jt]s$/

/**
 * Finds the consumer files, in a stable order. A file replaces the file with the same path in a lower layer.
 * Empty files are ignored, because editors create a file before they write it.
 */
export function findConsumers(folders: readonly string[]): string[] {
  const found = new Map<string, string>()
  for (const folder of folders.filter(existsSync)) {
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      const path = join(folder, file)
      const name = file.replace(SCRIPT, '')
      const isConsumer = SCRIPT.test(file) && !NO_CONSUMER.test(file)
      if (isConsumer && !found.has(name) && (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0) found.set(name, path)
    }
  }
  return [...found.values()]
}

/** Rebuilds the server when a consumer file is added or removed. Nitro itself watches changes inside the files. */
export function watchConsumers(nuxt: Nuxt, folders: readonly string[]): void {
  const watchers: FSWatcher[] = []
  nuxt.hook('nitro:init', (instance) => {
    const nitro = instance as unknown as Nitro
    let known = findConsumers(folders).join()
    const look = () => {
      const now = findConsumers(folders).join()
      if (now === known) return
      known = now
      void nitro.hooks.callHook('rollup:reload')
    }
    for (const folder of folders) {
      // The folder may be created later.
      const watched = existsSync(folder) ? folder : dirname(folder)
      if (existsSync(watched)) watchers.push(watch(watched, { recursive: true }, look).on('error', () => {}))
    }
  })
  nuxt.hook('close', () => watchers.forEach(watcher => watcher.close()))
}
