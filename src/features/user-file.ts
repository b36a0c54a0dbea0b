import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Nuxt } from '@nuxt/schema'

const EXTENSIONS = ['ts', 'mts', 'js', 'mjs']

/** Path of a file in the app's `server/` folder, or in that of the first layer that has one. */
export function findServerFile(nuxt: Nuxt, name: string): string | undefined {
  const folders = [nuxt.options.serverDir, ...nuxt.options._layers.map(layer => join(layer.config.rootDir, 'server'))]
  return folders
    .flatMap(folder => EXTENSIONS.map(extension => join(folder, `${name}.${extension}`)))
    .find(file => existsSync(file))
}
