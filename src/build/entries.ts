import { existsSync } from 'node:fs'
import type { Nuxt } from '@nuxt/schema'

/**
 * Sets aliases of `nuxt-scale/config` and `nuxt-scale/prisma` to the source files, if the module runs from source.
 * In an installed package, the exports of package.json resolve these entries.
 *
 * @param entry returns the absolute path of a file in the folder of the module
 */
export function useEntriesFromSource(nuxt: Nuxt, entry: (file: string) => string): void {
  for (const name of ['config', 'prisma']) {
    const source = entry(`${name}.ts`)
    if (existsSync(source)) nuxt.options.alias[`nuxt-scale/${name}`] ??= source
  }
}
