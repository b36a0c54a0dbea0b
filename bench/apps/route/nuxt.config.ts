import { fileURLToPath } from 'node:url'

// One route, built with the module and without.
const isPlain = process.env.PLAIN_NITRO === '1'

export default defineNuxtConfig({
  modules: isPlain ? [] : ['../../../src/module'],
  compatibilityDate: '2026-01-01',
  nitro: { plugins: isPlain ? [fileURLToPath(new URL('./plain/mount.ts', import.meta.url))] : [] },
  telemetry: false,
})
