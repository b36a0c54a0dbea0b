import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { getLayerDirectories } from '@nuxt/kit'
import type { Nuxt } from '@nuxt/schema'

const EXTENSIONS = ['ts', 'mts', 'js', 'mjs']

/** Path of a file in the app's `server/` folder, or in that of the first layer that has one. */
export function findServerFile({ options }: Pick<Nuxt, 'options'>, name: string): string | undefined {
  return getLayerDirectories({ options } as Nuxt)
    .flatMap(({ server }) => EXTENSIONS.map(extension => join(server, `${name}.${extension}`)))
    .find(existsSync)
}
