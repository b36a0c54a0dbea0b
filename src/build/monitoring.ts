import { addServerTemplate } from '@nuxt/kit'
import type { NuxtPage } from '@nuxt/schema'
import { defu } from 'defu'
import type { FeatureContext } from './feature'
import { addModuleRoutes } from './module-routes'
import { provideScaleConfig } from './virtual-modules'

/** Adds the ingest route of error tracking and performance monitoring. */
export function setupMonitoring(context: FeatureContext): void {
  const { nuxt, options, runtime } = context
  if (!options.monitoring) return
  const { path } = options.monitoring
  provideScaleConfig(context)
  providePageRoutes(context)
  addModuleRoutes(context, { option: 'scale.monitoring.path', path, handlers: [{ route: path, handler: runtime('monitoring/handler') }] })
  nuxt.options.routeRules = defu({ [path]: { cache: false as const } }, nuxt.options.routeRules)
}

/** Makes the patterns of the pages importable as `#scale/page-routes.mjs`, as the browser reports them. */
function providePageRoutes({ nuxt }: Pick<FeatureContext, 'nuxt'>): void {
  let patterns: string[] = []
  nuxt.hook('pages:resolved', (pages) => {
    patterns = pagePatterns(pages)
  })
  addServerTemplate({ filename: '#scale/page-routes.mjs', getContents: () => `export default ${JSON.stringify(patterns)}\n` })
}

/** Returns the patterns of pages and of the pages inside them, such as `/products/:id`. Exported for its test. */
export function pagePatterns(pages: readonly NuxtPage[], parent = ''): string[] {
  const patterns = pages.flatMap(({ path, children = [] }) => {
    const pattern = path.startsWith('/') ? path : `${parent.replace(/\/$/, '')}/${path}`
    return [pattern.replaceAll('()', '').replace(/(?<=.)\/$/, '') || '/', ...pagePatterns(children, pattern)]
  })
  return [...new Set(patterns)]
}
