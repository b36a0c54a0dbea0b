import { relative } from 'node:path'
import { addServerHandler } from '@nuxt/kit'
import type { Nitro, NitroEventHandler } from 'nitropack/types'
import type { FeatureContext } from './feature'

/** The routes of one feature. All of them are at or below one path. */
export interface ModuleRoutes {
  /** The option that sets this path, such as `scale.health.path`. */
  option: string
  /** The value of this option. */
  path: string
  handlers: ModuleRoute[]
}

/** One route of the module. */
interface ModuleRoute {
  route: string
  /** The only method that the handler answers; all methods if it is absent. */
  method?: 'get' | 'head'
  /** A virtual module of the module, or the absolute path of a file without extension. */
  handler: string
}

/** A route of the module that the app, a layer or another module also defines. */
export interface TakenRoute {
  route: string
  /** Absolute path of the file that defines it. */
  by: string
}

/**
 * Registers routes of the module. If the app, a layer or another module defines the same route, the module leaves out its own route, and
 * the build prints which option moves the module's routes.
 */
export function addModuleRoutes({ nuxt }: Pick<FeatureContext, 'nuxt'>, routes: ModuleRoutes): void {
  for (const handler of routes.handlers) addServerHandler(handler)
  nuxt.hook('nitro:init', (instance) => {
    const nitro = instance as unknown as Nitro
    giveWay(
      nitro,
      routes,
      nuxt.options._prepare ? undefined : taken => nitro.logger.warn(describeTaken(taken, routes, nuxt.options.rootDir)),
    )
    nitro.hooks.hook('prerender:init', prerenderer => giveWay(prerenderer, routes))
  })
}

/**
 * Removes routes of the module that the app defines itself: now, and before every build, because files change in development.
 * Otherwise Nitro would use the handler that is registered last, which is the module's.
 */
function giveWay(nitro: Nitro, routes: ModuleRoutes, warn?: (taken: TakenRoute[]) => void): void {
  let said = ''
  const update = () => {
    const isOurs = ({ handler }: NitroEventHandler) => routes.handlers.some(ours => ours.handler === handler)
    const registered = nitro.options.handlers.filter(handler => !isOurs(handler))
    const taken = findTaken([...nitro.scannedHandlers, ...registered].filter(handler => isBuilt(handler, nitro)), routes)
    const kept = routes.handlers.filter(({ route }) => !taken.some(one => one.route === route))
    nitro.options.handlers.splice(0, Infinity, ...registered, ...kept)
    const now = JSON.stringify(taken)
    if (taken.length > 0 && now !== said) warn?.(taken)
    said = now
  }
  update()
  nitro.hooks.hook('rollup:before', (_, { plugins }) => {
    (plugins as { name: string, buildStart: () => void }[]).push({ name: 'nuxt-scale:module-routes', buildStart: update })
  })
}

/** Finds the routes of the module that one of `handlers` also serves. Exported for its test. */
export function findTaken(handlers: readonly NitroEventHandler[], { path, handlers: ours }: ModuleRoutes): TakenRoute[] {
  const routes = [...new Set(ours.map(({ route }) => route))]
  return routes.flatMap((route) => {
    const by = handlers.find(handler => isRead(handler) && answers(handler.route!, route, path))
    return by ? [{ route, by: by.handler }] : []
  })
}

/** Whether a handler answers GET or HEAD. A handler for one of them replaces both, so that one path does not have two handlers. */
function isRead({ route, method, middleware }: NitroEventHandler): boolean {
  return Boolean(route) && !middleware && [undefined, '', 'get', 'head'].includes(method?.toLowerCase())
}

/**
 * Whether a pattern is the same route, or lies below the path of the module, such as `server/api/health/[probe].ts`. A pattern above this
 * path, such as `server/api/[...path].ts`, does not replace the routes of the module.
 */
function answers(pattern: string, route: string, path: string): boolean {
  const [given, wanted, base] = [pattern, route, path].map(segmentsOf) as [string[], string[], string[]]
  const open = given.findIndex(segment => segment.startsWith('*'))
  const fixed = open < 0 ? given : given.slice(0, open)
  if (!base.every((segment, index) => fixed[index] === segment)) return false
  const fits = open < 0 ? fixed.length === wanted.length : fixed.length <= wanted.length
  return fits && fixed.every((segment, index) => segment.startsWith(':') || segment === wanted[index])
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter(Boolean)
}

/** Whether Nitro includes a handler in this build. Handlers such as `health.dev.ts` exist only in some environments. */
function isBuilt({ env }: NitroEventHandler, { options }: Nitro): boolean {
  const wanted = [env].flat().filter(Boolean)
  const current: unknown[] = [options.dev ? 'dev' : 'prod', options.preset, ...options.preset === 'nitro-prerender' ? ['prerender'] : []]
  return wanted.length === 0 || wanted.some(one => current.includes(one))
}

/** The message of the build. Exported for its test. */
export function describeTaken(taken: readonly TakenRoute[], { option, path }: ModuleRoutes, root: string): string {
  const files = [...new Set(taken.map(({ by }) => by))]
  const parts = files.map(file => `${relative(root, file)} answers `
    + `${taken.filter(({ by }) => by === file).map(({ route }) => route).join(', ')}`)
  return `[nuxt-scale] ${parts.join('; ')}: probes, health checks of balancers and the shutdown use ${path}, and now get these responses. `
    + `To serve the routes of the module, too, set ${option} to another path.`
}
