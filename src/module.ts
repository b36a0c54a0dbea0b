import { createResolver, defineNuxtModule } from '@nuxt/kit'
import { defu } from 'defu'
import { setupCache } from './features/cache'
import { keepClosuresYoung } from './features/closures'
import { setupDatabase } from './features/database'
import { useEntriesFromSource } from './features/entries'
import { setupErrors } from './features/errors'
import { setupHealth } from './features/health'
import { setupHooks } from './features/hooks'
import { setupHttp } from './features/http'
import { keepModulesOutsideRequests } from './features/lazy-modules'
import { withPlainErrors } from './features/plain-error'
import { setupPresets } from './features/presets'
import { setupRateLimit } from './features/rate-limit'
import { setupRabbitmq } from './features/rabbitmq'
import { setupRedis } from './features/redis'
import { setupShards } from './features/shards'
import { setupShutdown } from './features/shutdown'
import { setupStorage } from './features/storage'
import { keepModernSyntax } from './features/syntax'
import { setupTenancy } from './features/tenancy'
import type { FeatureContext } from './features/types'
import { setupTypes } from './features/types-template'
import type { ModuleOptions, ResolvedOptions } from './options'
import { hasFeature, refuseSecrets, resolveOptions } from './options'

export type { CacheModuleOptions, DatabaseModuleOptions, DeployModuleOptions, HealthModuleOptions, HttpModuleOptions, ModuleOptions, RabbitmqModuleOptions, RateLimitModuleOptions, RedisModuleOptions, Role, ShardsModuleOptions, ShutdownModuleOptions, StorageModuleOptions, TenancyModuleOptions } from './options'

/** `runtimeConfig.scale`: the resolved options, which `NUXT_SCALE_*` overrides where the server starts. */
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

    const context: FeatureContext = { nuxt, options, runtime }
    // An app without a feature stays what it is without the module.
    if (hasFeature(options)) {
      keepModernSyntax(context)
      keepClosuresYoung(context)
      setupHooks(context)
      setupErrors(context)
      keepModulesOutsideRequests(context)
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
