import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { getLayerDirectories } from '@nuxt/kit'
import type { Nuxt } from '@nuxt/schema'

const EXTENSIONS = ['ts', 'mts', 'js', 'mjs']

/** Finds a file in the `server/` folder of the app, or of the first layer that has it. */
export function findServerFile({ options }: Pick<Nuxt, 'options'>, name: string): string | undefined {
  return getLayerDirectories({ options } as Nuxt)
    .flatMap(({ server }) => EXTENSIONS.map(extension => join(server, `${name}.${extension}`)))
    .find(existsSync)
}
