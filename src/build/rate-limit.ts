import { addServerImports, addServerPlugin } from '@nuxt/kit'
import { provideRoutes } from './routes'
import { provideScaleConfig } from './scale-config'
import type { FeatureContext } from './types'

/** Sets up rate limits. Call it before the setup of tenancy, which then wraps around it, so that a rule can count by tenant. */
export function setupRateLimit(context: FeatureContext): void {
  const { options, runtime } = context
  if (!options.rateLimit) return
  provideScaleConfig(context)
  provideRoutes(context)
  addServerPlugin(runtime('rate-limit/plugin'))
  addServerImports([{ name: 'consumeRateLimit', from: runtime('rate-limit/utils') }])
}
