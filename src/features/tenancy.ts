import { addServerImports, addServerPlugin } from '@nuxt/kit'
import { provideScaleConfig } from './scale-config'
import type { FeatureContext } from './types'

/** A tenant for every request: `useTenant`, `withTenant`, `event.context.tenant`. */
export function setupTenancy(context: FeatureContext): void {
  const { options, runtime } = context
  if (!options.tenancy) return
  provideScaleConfig(context)
  addServerPlugin(runtime('tenancy/plugin'))
  addServerImports(['useTenant', 'withTenant'].map(name => ({ name, from: runtime('tenancy/utils') })))
}
