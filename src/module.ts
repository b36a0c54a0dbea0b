import { createResolver, defineNuxtModule } from '@nuxt/kit'
import { defu } from 'defu'
import { setupCache } from './build/cache'
import { setupDatabase } from './build/database'
import { useEntriesFromSource } from './build/entries'
import { setupErrors } from './build/errors'
import { setupHealth } from './build/health'
import { setupHttp } from './build/http'
import { setupNitroPatches } from './build/nitro-patches'
import { withPlainErrors } from './build/plain-error'
import { setupPresets } from './build/presets'
import { setupRateLimit } from './build/rate-limit'
import { setupRabbitmq } from './build/rabbitmq'
import { setupRedis } from './build/redis'
import { setupShards } from './build/shards'
import { setupShutdown } from './build/shutdown'
import { setupStorage } from './build/storage'
import { setupTenancy } from './build/tenancy'
import type { FeatureContext } from './build/types'
import { setupTypes } from './build/types-template'
import type { ModuleOptions, ResolvedOptions } from './options'
import { hasFeature, refuseSecrets, resolveNitroPatches, resolveOptions } from './options'

export type {
  CacheModuleOptions,
  DatabaseModuleOptions,
  DeployModuleOptions,
  HealthModuleOptions,
  HttpModuleOptions,
  ModuleOptions,
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
    // If every feature is off, the module changes nothing in the build.
    if (hasFeature(options)) {
      setupNitroPatches(context)
      setupErrors(context)
    }
    setupPresets(context)
    setupRedis(context)
    setupCache(context)
    setupStorage(context)
    setupHealth(context)
    setupShutdown(context)
    setupHttp(context)
    setupRateLimit(context)
    setupTenancy(context)
    setupRabbitmq(context)
    setupDatabase(context)
    setupShards(context)
  }),
})
