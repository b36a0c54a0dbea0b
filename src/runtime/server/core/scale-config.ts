import { useRuntimeConfig } from '../nitro'
import type { Complete } from './feature-settings'
import type { Role } from './instance'

/**
 * The part of `runtimeConfig.scale` that a feature reads of other features. The values have their defaults, and `NUXT_SCALE_*` overrides
 * them. `false` means that the feature is off.
 */
export interface ScaleRuntimeConfig {
  role: Role
  secret: string
  redis: false | object
  cache: false | object
  shards: false | object
  health: false | { path: string }
  tenancy: false | { default: string }
  rateLimit: false | { trustedProxies: readonly string[] }
  monitoring: false | { path: string }
}

/** Returns the options of the module where the server runs. */
export function useScaleConfig(): ScaleRuntimeConfig {
  return useRuntimeConfig().scale as unknown as ScaleRuntimeConfig
}

/**
 * Returns the options of a feature that is on. If it is off, its plugin is not part of the build. The build has filled in every default.
 */
export function useFeatureConfig<Options extends object>(feature: string): Complete<Options> {
  return (useRuntimeConfig().scale as unknown as Record<string, Complete<Options>>)[feature]!
}
