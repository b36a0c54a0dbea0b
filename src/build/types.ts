import type { Nuxt } from '@nuxt/schema'
import type { ResolvedOptions } from '../options'

/** What a feature gets to register itself. */
export interface FeatureContext {
  nuxt: Nuxt
  options: ResolvedOptions
  /** Absolute path of a file of `runtime/server`, without extension. */
  runtime: (file: string) => string
}
