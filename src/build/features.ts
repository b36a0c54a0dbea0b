import { addServerImports, addServerPlugin } from '@nuxt/kit'
import { setupDatabase } from './database'
import type { Feature, FeatureContext } from './feature'
import { addProbes } from './health'
import { setupMetrics } from './metrics'
import { setupMonitoring } from './monitoring'
import { replaceNitroCache } from './nitro-cache'
import { setupRabbitmq } from './rabbitmq'
import { setupShutdown } from './shutdown'
import { provideNitroMounts } from './storage'
import { provideDetails, provideRoutes, provideScaleConfig } from './virtual-modules'

/** All features, in the order in which their plugins start. A plugin uses what an earlier plugin provides. */
const FEATURES: readonly Feature[] = [
  // It comes first, so that the lines of all other features have its format.
  { option: 'log', plugins: () => ['log/plugin'], helpers: { 'log/context': ['scaleLogContext'] } },
  { option: 'metrics', setup: setupMetrics, plugins: () => ['metrics/plugin'], helpers: { 'metrics/utils': ['useMetrics'] } },
  { option: 'redis', plugins: () => ['redis/plugin'], helpers: { 'redis/utils': ['useRedis'] } },
  {
    option: 'cache',
    setup({ nuxt, options, runtime }) {
      if (options.cache && options.cache.nitro) replaceNitroCache(nuxt, runtime('cache/nitro/index'))
    },
    plugins: () => ['cache/plugin'],
    helpers: { 'cache/utils': ['cacheWithRedis', 'invalidateCache', 'invalidateCachePattern', 'invalidateCacheTags', 'setCacheTags'] },
  },
  // Its mounts use Redis and the cache.
  { option: 'storage', setup: provideNitroMounts, plugins: () => ['storage/plugin'] },
  { option: 'health', setup: addProbes, plugins: () => ['health/plugin'] },
  { option: 'shutdown', setup: setupShutdown },
  // Invalidations of the cache trigger its purges.
  {
    option: 'http',
    setup: provideRoutes,
    plugins: ({ http }) => ['http/plugin', ...http && http.purge ? ['http/purge/plugin'] : []],
  },
  {
    option: 'rateLimit',
    setup(context) {
      provideScaleConfig(context)
      provideRoutes(context)
    },
    plugins: () => ['rate-limit/plugin'],
    helpers: { 'rate-limit/utils': ['consumeRateLimit'] },
  },
  {
    option: 'monitoring',
    setup: setupMonitoring,
    plugins: () => ['monitoring/plugin'],
    helpers: { 'monitoring/utils': ['useMonitoring'] },
  },
  {
    option: 'tenancy',
    setup(context) {
      provideScaleConfig(context)
      provideRoutes(context)
      if (context.options.tenancy) provideDetails('#scale/tenant-details.mjs', context.options.tenancy.map)
    },
    plugins: () => ['tenancy/plugin'],
    helpers: { 'tenancy/utils': ['useTenant', 'withTenant'] },
  },
  // It starts before the database, so that consumers stop before their clients close.
  {
    option: 'rabbitmq',
    setup: setupRabbitmq,
    plugins: ({ rabbitmq }) => [...rabbitmq && rabbitmq.outbox ? ['rabbitmq/outbox/plugin'] : [], 'rabbitmq/plugin'],
    helpers: { 'rabbitmq/utils': ['useRabbit', 'defineRabbitConsumer', 'RejectMessage', 'RetryMessage'] },
  },
  { option: 'database', setup: setupDatabase },
  // Its shards are databases.
  {
    option: 'shards',
    setup({ options }) {
      if (options.shards) provideDetails('#scale/shard-details.mjs', options.shards.map)
    },
    plugins: () => ['shards/plugin'],
    helpers: { 'shards/utils': ['getShardForRegion', 'getShardForUser', 'getShardForKey', 'resolveShard', 'scatter'] },
  },
]

/** Sets up every feature that is on, and the responses to errors, which every feature can throw. */
export function setupFeatures(context: FeatureContext): void {
  const { options, runtime } = context
  const enabled = FEATURES.filter(({ option }) => options[option])
  if (enabled.length > 0) addServerPlugin(runtime('request/plugin'))
  for (const { setup, plugins, helpers = {} } of enabled) {
    setup?.(context)
    for (const plugin of plugins?.(options) ?? []) addServerPlugin(runtime(plugin))
    for (const [file, names] of Object.entries(helpers)) addServerImports(names.map(name => ({ name, from: runtime(file) })))
  }
}
