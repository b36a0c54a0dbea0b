import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addServerTemplate, getLayerDirectories } from '@nuxt/kit'
import type { Nuxt, NuxtPage } from '@nuxt/schema'
import type { Nitro } from 'nitropack/types'
import { normalizePattern } from '../runtime/app/route-pattern'
import { detailsOf } from '../runtime/server/core/source-details'
import type { FeatureContext } from './feature'
import { ownRoutesOf, pageRoutesOf } from './nitro-cache'

/**
 * Makes the default export of `server/scale.config.ts` importable as `#scale/config.mjs`. If the file does not exist, the export is
 * empty.
 */
export function provideScaleConfig({ nuxt }: Pick<FeatureContext, 'nuxt'>): void {
  const file = findServerFile(nuxt, 'scale.config')
  addServerTemplate({
    filename: '#scale/config.mjs',
    getContents: () => file ? `export { default } from ${JSON.stringify(file)}\n` : 'export default {}\n',
  })
}

/**
 * Makes the routes of the app importable as `#scale/routes.mjs`. Features must know whether a server route or the page renderer answers a
 * path.
 */
export function provideRoutes({ nuxt }: Pick<FeatureContext, 'nuxt'>): void {
  let nitro: Nitro | undefined
  nuxt.hook('nitro:init', (instance) => {
    nitro = instance as unknown as Nitro
  })
  addServerTemplate({
    filename: '#scale/routes.mjs',
    getContents: () => `export default ${JSON.stringify(nitro ? routesOf(nitro) : { own: [], pages: [] })}\n`,
  })
}

/** Makes the schemas and replicas of databases importable. An environment variable can replace only the address of a database. */
export function provideDetails(filename: `#scale/${string}.mjs`, databases: object): void {
  const details = detailsOf(databases)
  addServerTemplate({ filename, getContents: () => `export default ${JSON.stringify(details)}\n` })
}

/** Makes the patterns of the pages importable as `#scale/page-routes.mjs`, as the browser reports them. */
export function providePageRoutes({ nuxt }: Pick<FeatureContext, 'nuxt'>): void {
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
    return [normalizePattern(pattern), ...pagePatterns(children, pattern)]
  })
  return [...new Set(patterns)]
}

const EXTENSIONS = ['ts', 'mts', 'js', 'mjs']

/** Finds a file in the `server/` folder of the app, or of the first layer that has it. */
export function findServerFile({ options }: Pick<Nuxt, 'options'>, name: string): string | undefined {
  return getLayerDirectories({ options } as Nuxt)
    .flatMap(({ server }) => EXTENSIONS.map(extension => join(server, `${name}.${extension}`)))
    .find(existsSync)
}

/**
 * Returns the server routes and the page routes. Nitro gives the renderer a separate route only for rules that cache. If a server route
 * answers only other methods, the renderer answers GET.
 */
function routesOf(nitro: Nitro): { own: readonly string[], pages: readonly string[] } {
  const pages = pageRoutesOf(nitro).filter(route => route === '/**' || nitro.options.routeRules[route]?.cache)
  return { own: ownRoutesOf(nitro, 'get'), pages }
}

/** Returns the name and the version in `package.json` of the app. A field that is missing or not a string is `undefined`. */
export function readAppPackage({ options }: Pick<Nuxt, 'options'>): { name: string | undefined, version: string | undefined } {
  const stringOf = (value: unknown) => typeof value === 'string' ? value : undefined
  try {
    const { name, version } = JSON.parse(readFileSync(join(options.rootDir, 'package.json'), 'utf8')) as Record<string, unknown>
    return { name: stringOf(name), version: stringOf(version) }
  }
  catch {
    return { name: undefined, version: undefined }
  }
}
