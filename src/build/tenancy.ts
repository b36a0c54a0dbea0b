import { addServerImports, addServerPlugin, addServerTemplate } from '@nuxt/kit'
import { detailsOf } from '../runtime/server/core/source-details'
import { provideRoutes } from './routes'
import { provideScaleConfig } from './scale-config'
import type { FeatureContext } from './types'

/** Sets up tenancy: `useTenant`, `withTenant` and `event.context.tenant`. */
export function setupTenancy(context: FeatureContext): void {
  const { options, runtime } = context
  if (!options.tenancy) return
  provideScaleConfig(context)
  provideRoutes(context)
  const details = detailsOf(options.tenancy.map)
  addServerTemplate({ filename: '#scale/tenant-details.mjs', getContents: () => `export default ${JSON.stringify(details)}\n` })
  addServerPlugin(runtime('tenancy/plugin'))
  addServerImports(['useTenant', 'withTenant'].map(name => ({ name, from: runtime('tenancy/utils') })))
}
