import { existsSync } from 'node:fs'
import type { Nuxt } from '@nuxt/schema'

/**
 * Leads `nuxt-scale/config` and `nuxt-scale/prisma` to the sources, where the module itself runs from its source.
 * An installed package is found by its exports.
 *
 * @param entry absolute path of a file next to the module's own
 */
export function useEntriesFromSource(nuxt: Nuxt, entry: (file: string) => string): void {
  for (const name of ['config', 'prisma']) {
    const source = entry(`${name}.ts`)
    if (existsSync(source)) nuxt.options.alias[`nuxt-scale/${name}`] ??= source
  }
}
