import { existsSync } from 'node:fs'
import { createResolver, defineNuxtModule } from '@nuxt/kit'
import type { Nuxt } from '@nuxt/schema'
import { defu } from 'defu'
import { addDatabaseTypes } from './build/database'
import type { FeatureContext } from './build/feature'
import { setupFeatures } from './build/features'
import { replaceNamedPlugins } from './build/monitoring'
import { setupNitroPatches } from './build/nitro-patches'
import { withPlainErrors } from './build/plain-error'
import { setupPresets } from './build/presets'
import { setupTypes } from './build/types-template'
import type { ModuleOptions, ResolvedOptions } from './options'
import { hasFeature, refuseSecrets, resolveNitroPatches, resolveOptions } from './options'

export type {
  CacheModuleOptions,
  DatabaseModuleOptions,
  DeployModuleOptions,
  HealthModuleOptions,
  HttpModuleOptions,
  MetricsModuleOptions,
  LogModuleOptions,
  ModuleOptions,
  MonitoringModuleOptions,
  RabbitmqModuleOptions,
  RateLimitModuleOptions,
  RedisModuleOptions,
  Role,
  ShardsModuleOptions,
  ShutdownModuleOptions,
  StorageModuleOptions,
  TenancyModuleOptions,
} from './options'

/** Type of `runtimeConfig.scale`: the resolved options, which `NUXT_SCALE_*` variables override when the server starts. */
export interface ModuleRuntimeConfig {
  scale: ResolvedOptions
}

export default defineNuxtModule<ModuleOptions>({
  meta: {
    name: 'nuxt-scale',
    configKey: 'scale',
    compatibility: { nuxt: '>=4.0.0' },
  },
  setup: (given, nuxt) => withPlainErrors(nuxt, () => {
    const { resolve } = createResolver(import.meta.url)
    const runtime = (file: string) => resolve('./runtime/server', file)
    setupTypes({ runtime })

    const options = resolveOptions(given)
    if (!nuxt.options.dev && !nuxt.options._prepare) refuseSecrets(options)
    nuxt.options.runtimeConfig.scale = defu(nuxt.options.runtimeConfig.scale as object, options) as never
    nuxt.options.build.transpile.push(resolve('./runtime'))
    useEntriesFromSource(nuxt, file => resolve('.', file))

    const context: FeatureContext = { nuxt, options, patches: resolveNitroPatches(given.nitroPatches), runtime }
    addDatabaseTypes(context)
    // If every feature is off, the module changes nothing in the build.
    if (hasFeature(options)) setupNitroPatches(context)
    setupPresets(context)
    setupFeatures(context)
    replaceNamedPlugins(nuxt, options.monitoring !== false)
  }),
})

/**
 * Sets aliases of `nuxt-scale/config` and `nuxt-scale/prisma` to the source files, if the module runs from source.
 * In an installed package, the exports of package.json resolve these entries.
 *
 * @param entry returns the absolute path of a file in the folder of the module
 */
function useEntriesFromSource(nuxt: Nuxt, entry: (file: string) => string): void {
  for (const name of ['config', 'prisma']) {
    const source = entry(`${name}.ts`)
    if (existsSync(source)) nuxt.options.alias[`nuxt-scale/${name}`] ??= source
  }
}
