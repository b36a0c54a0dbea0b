import { fileURLToPath } from 'node:url'
import { buildFixture, startNuxt } from '../../test/support/nuxt.ts'
import type { NuxtInstance } from '../../test/support/nuxt.ts'

/** How the app under measure is built: with the module, with metrics or tenants as well, with every feature, or as plain Nitro with its cache in Redis or in memory. */
export type AppVariant = 'scale' | 'metrics' | 'tenancy' | 'features' | 'patched' | 'redis' | 'memory'

const root = fileURLToPath(new URL('../apps/route', import.meta.url))

/**
 * Builds the app with the cached routes; a build that is still right is taken over.
 * @returns its output folder
 */
export function buildApp(variant: AppVariant): Promise<string> {
  return buildFixture(root, { env: { BENCH_VARIANT: variant }, buildDir: `.nuxt/${variant}`, outputDir: `.output/${variant}` })
}

/** Starts a built app on a Redis, which the variant in memory does not use; without one on nothing. */
export function startApp(output: string, redisUrl = ''): Promise<NuxtInstance> {
  return startNuxt(output, { env: { NUXT_SCALE_REDIS_URL: redisUrl, BENCH_REDIS_URL: redisUrl } })
}
