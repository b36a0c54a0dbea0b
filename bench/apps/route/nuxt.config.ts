import { fileURLToPath } from 'node:url'

// One app, built four ways: with the module, with tenants as well, and as plain Nitro with its cache in Redis or in memory.
const variant = process.env.BENCH_VARIANT ?? 'scale'
const hasTenants = variant === 'tenancy'
const isOurs = variant === 'scale' || hasTenants
const map = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`tenant-${index}`, 'DATABASE_URL']))

export default defineNuxtConfig({
  modules: isOurs ? ['../../../src/module'] : [],
  routeRules: { '/api/ruled': { swr: 60 } },
  compatibilityDate: '2026-01-01',
  nitro: { plugins: variant === 'redis' ? [fileURLToPath(new URL('./plain/redis.ts', import.meta.url))] : [] },
  telemetry: false,
  scale: hasTenants ? { tenancy: { map, baseDomains: ['shop.example'], trustedProxies: 'any' } } : {},
})
