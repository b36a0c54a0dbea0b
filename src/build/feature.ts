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

/** The parts that a feature adds to the server. A feature whose option is `false` adds nothing. */
export interface Feature {
  /** The block of its options in `scale`. */
  option: Exclude<keyof ResolvedOptions, 'role' | 'secret'>
  /** Does what needs more than plugins and helpers. It runs first. */
  setup?: (context: FeatureContext) => void
  /** Files of its Nitro plugins, without extension. */
  plugins?: (options: ResolvedOptions) => readonly string[]
  /** Names that are auto-imported on the server, by the file that exports them. */
  helpers?: Readonly<Record<string, readonly string[]>>
}
