import { transformSync } from 'esbuild'
import type { ModuleOptions } from '../../src/options'

/** A nuxt.config of which a block may show some keys alone. The module is always there. */
export function wholeConfig(text: string): string {
  if (text.includes('defineNuxtConfig(')) return text
  return `export default defineNuxtConfig({\nmodules: ['nuxt-scale'],\n${text}\n})`
}

/** The `scale` block of a nuxt.config that a page shows. */
export function optionsIn(text: string): ModuleOptions {
  const { code } = transformSync(wholeConfig(text).replace('export default', 'module.exports ='), { loader: 'ts' })
  const module: { exports: { scale?: ModuleOptions } } = { exports: {} }

  new Function('module', 'defineNuxtConfig', code)(module, (given: object) => given)
  return module.exports.scale ?? {}
}
