import { fileURLToPath } from 'node:url'

// One app, built seven ways: with the module, with metrics as well, with tenants as well, with every feature, with little more than the patches of Nitro, and as plain
// Nitro with its cache in Redis or in memory.
const variant = process.env.BENCH_VARIANT ?? 'scale'
const hasTenants = variant === 'tenancy' || variant === 'features'
const isOurs = variant === 'scale' || variant === 'metrics' || variant === 'patched' || hasTenants
const map = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`tenant-${index}`, 'DATABASE_URL']))

export default defineNuxtConfig({
  modules: isOurs ? ['../../../src/module'] : [],
  routeRules: { '/api/ruled': { swr: 60 } },
  compatibilityDate: '2026-01-01',
  nitro: { plugins: variant === 'redis' ? [fileURLToPath(new URL('./plain/redis.ts', import.meta.url))] : [] },
  telemetry: false,
  scale: {
    // The patches come with the first feature. Health adds routes and nothing to a request.
    ...variant === 'patched' && { redis: false as const, cache: false as const, storage: false as const, health: {} },
    ...variant === 'metrics' && { metrics: {} },
    ...hasTenants && { tenancy: { map, baseDomains: ['shop.example'], trustedProxies: 'any' as const } },
    ...variant === 'features' && {
      http: {},
      rateLimit: { rules: { '/api/**': { limit: 1_000_000, window: 1 } }, trustedProxies: ['127.0.0.1'] },
      database: {},
      shards: { map: { eu: 'postgresql://db/eu', us: 'postgresql://db/us' } },
      rabbitmq: {},
    },
  },
})
