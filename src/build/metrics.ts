import { createRequire } from 'node:module'
import { addServerTemplate } from '@nuxt/kit'
import type { Nuxt } from '@nuxt/schema'
import type { Nitro } from 'nitropack/types'
import type { FeatureContext } from './feature'
import { ownRoutesOf } from './nitro-cache'
import { allowMissing } from './optional-packages'
import { providePageRoutes, provideRoutes, readAppPackage } from './virtual-modules'

/** Sets up the metrics: the patterns of all routes, and the names and versions that describe the process. */
export function setupMetrics(context: FeatureContext): void {
  const { nuxt } = context
  provideRoutes(context)
  providePageRoutes(context)
  allowMissing(nuxt, ['@opentelemetry/api'])
  let nitro: Nitro | undefined
  nuxt.hook('nitro:init', (instance) => {
    nitro = instance as unknown as Nitro
  })
  addServerTemplate({
    filename: '#scale/all-routes.mjs',
    getContents: () => `export default ${JSON.stringify(nitro ? [...new Set(ownRoutesOf(nitro))] : [])}\n`,
  })
  addServerTemplate({ filename: '#scale/app-info.mjs', getContents: () => `export default ${JSON.stringify(appInfoOf(nuxt))}\n` })
}

function appInfoOf(nuxt: Nuxt) {
  const { name = 'nuxt-app', version = '' } = readAppPackage(nuxt)
  return { name, version, nuxt: nuxt._version, nitro: nitroVersion() }
}

function nitroVersion(): string {
  try {
    return (createRequire(import.meta.url)('nitropack/package.json') as { version: string }).version
  }
  catch {
    return ''
  }
}
