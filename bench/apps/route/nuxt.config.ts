import { fileURLToPath } from 'node:url'

// One app, built three ways: with the module, and as plain Nitro with its cache in Redis or in memory.
const variant = process.env.BENCH_VARIANT ?? 'scale'
const isOurs = variant === 'scale'

export default defineNuxtConfig({
  modules: isOurs ? ['../../../src/module'] : [],
  routeRules: { '/api/ruled': { swr: 60 } },
  compatibilityDate: '2026-01-01',
  nitro: { plugins: variant === 'redis' ? [fileURLToPath(new URL('./plain/redis.ts', import.meta.url))] : [] },
  telemetry: false,
})
