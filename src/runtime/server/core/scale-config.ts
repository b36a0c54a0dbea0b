import { useRuntimeConfig } from '../nitro'
import type { Role } from './role'

/**
 * The type of `runtimeConfig.scale`: the options of the module, with defaults and `NUXT_SCALE_*` applied. Each feature adds its key in its
 * `settings.ts`. `false` means that the feature is off.
 */
export interface ScaleConfig {
  role: Role
  secret: string
}

/** Returns the options of the module where the server runs. */
export function useScaleConfig(): ScaleConfig {
  return useRuntimeConfig().scale as unknown as ScaleConfig
}

/** Returns the options of a feature that is on: its plugin is not part of the build otherwise. */
export function useFeatureConfig<Name extends keyof ScaleConfig>(name: Name): Exclude<ScaleConfig[Name], false> {
  return useScaleConfig()[name] as Exclude<ScaleConfig[Name], false>
}
