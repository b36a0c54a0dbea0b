import type { Nuxt } from '@nuxt/schema'
import type { NitroPatch, ResolvedOptions } from '../options'

/** Input of the setup function of every feature. */
export interface FeatureContext {
  nuxt: Nuxt
  options: ResolvedOptions
  /** The patches of Nitro that `scale.nitroPatches` leaves on. */
  patches: Readonly<Record<NitroPatch, boolean>>
  /** Absolute path of a file of `runtime/server`, without extension. */
  runtime: (file: string) => string
}
