import { addServerPlugin, useLogger } from '@nuxt/kit'
import type { Nitro, NitroConfig } from 'nitropack/types'
import type { Plugin } from 'rollup'
import type { NitroPatch } from '../options'
import { OUTSIDE } from '../runtime/server/nitro-patches/lazy-modules'
import { CONTEXT_KEEPER } from '../runtime/server/tenancy/guard-context'
import type { FeatureContext } from './feature'

/**
 * All changes that the module makes to Nitro 2, by their names in `scale.nitroPatches`. Nitro's cache is an exception: the feature `cache`
 * replaces it, unless `scale.cache.nitro` is `false`. Each patch recognizes the code that it changes. If a version of Nitro has other code,
 * the patch changes nothing and prints this in the debug output of the build.
 */
const PATCHES: Record<NitroPatch, (context: FeatureContext) => void> = {
  hooks: callHooksWithoutStacks,
  closures: keepClosuresYoung,
  syntax: keepModernSyntax,
  lazyModules: keepModulesOutsideRequests,
  eventContext: keepContextOfEvents,
}

/** Applies the patches that `scale.nitroPatches` leaves on, and that a feature of the app needs. */
export function setupNitroPatches(context: FeatureContext): void {
  const names = Object.keys(PATCHES) as NitroPatch[]
  for (const name of names.filter(name => context.patches[name])) PATCHES[name](context)
}

/** Nitro calls three hooks for each request, and hookable captures a stack for each call. In development it still does, for debuggers. */
function callHooksWithoutStacks({ nuxt, runtime }: FeatureContext): void {
  if (!nuxt.options.dev) addServerPlugin(runtime('nitro-patches/quiet-hooks'))
}

const NITRO_APP = /[\\/]nitropack[\\/]dist[\\/]runtime[\\/]internal[\\/]app\.m?js$/

/** A function literal that is assigned to a property of the event. */
const FUNCTION_OF_EVENT = /\bevent\.[\w$]+ = (?=\([\w$, ]*\) =>)/g

/**
 * Lets V8 allocate the functions of an event in the young generation. V8 allocates a function literal that is assigned to a property in
 * the old generation, because it takes it for a method (`CheckAssigningFunctionLiteralToProperty` of its parser). Nitro 2 assigns four of
 * them to each event. They keep their request alive through minor collections, which can halve the throughput of a server.
 */
function keepClosuresYoung({ nuxt }: Pick<FeatureContext, 'nuxt'>): void {
  if (nuxt.options.dev) return
  nuxt.hook('nitro:init', (instance) => {
    const { hooks } = instance as unknown as Nitro
    hooks.hook('rollup:before', (_, { plugins }) => {
      if (Array.isArray(plugins)) plugins.push(transformPlugin('closures', NITRO_APP, makeYoung))
    })
  })
}

/**
 * Puts a condition before each function literal that is assigned to a property of the event. Lines stay where they are. Exported for its
 * test.
 */
export function makeYoung(code: string): string {
  return code.replace(FUNCTION_OF_EVENT, assignment => `${assignment}event === undefined ? undefined : `)
}

/**
 * Compiles the server for ES2022. Nitro 2 compiles it for Node 12, which turns each private field into a `WeakMap`: slow to read and
 * expensive to collect. Each Node version that Nuxt 4 supports has private fields. A target that the app sets is kept.
 */
function keepModernSyntax({ nuxt }: Pick<FeatureContext, 'nuxt'>): void {
  nuxt.hook('nitro:config', (config) => {
    const nitro = config as NitroConfig
    nitro.esbuild ??= {}
    nitro.esbuild.options ??= {}
    nitro.esbuild.options.target ??= 'es2022'
  })
}

/**
 * Evaluates lazily loaded modules outside of every request. Nitro loads the file of a route at its first request, and Node evaluates a
 * module in the asynchronous context of its first importer. Timers, queues and listeners at the top of that file would keep the tenant and
 * the database clients of that request for as long as the process lives.
 */
function keepModulesOutsideRequests({ nuxt, options, runtime }: FeatureContext): void {
  // Only these features keep something in the context of a request.
  if (!options.tenancy && !options.database && !options.rabbitmq) return
  addServerPlugin(runtime('nitro-patches/lazy-modules'))
  addRollupPlugin(nuxt, createLazyModulesPlugin())
}

/**
 * Turns each `import()` of the server into a call that runs outside of requests. Until the server has started it is a plain import.
 * Exported for its test.
 */
export function createLazyModulesPlugin(): Plugin {
  const run = `(globalThis[Symbol.for(${JSON.stringify(OUTSIDE)})] ?? (load => load()))`
  return { name: 'nuxt-scale:lazy-modules', renderDynamicImport: () => ({ left: `${run}(() => import(`, right: '))' }) }
}

/** h3, wherever a package manager has installed it. */
const H3 = /[\\/]h3[\\/]dist[\\/]index\.mjs$/

/** The field of an event, in the event class of h3 1. */
const FIELD = /(?<=\nclass H3Event \{[^}]*)\n {2}context = \{\};/

/**
 * Gives the events of h3 a setter for `context`, so that a new context keeps the tenant. Without this patch each event gets an accessor of
 * its own in place of a field, for which V8 gives up the fast form of the object: 4 µs a request instead of 0.4.
 */
function keepContextOfEvents({ nuxt, options }: FeatureContext): void {
  // In development h3 is not part of the bundle, and each event gets the accessor.
  if (!options.tenancy || nuxt.options.dev) return
  addRollupPlugin(nuxt, transformPlugin('eventContext', H3, withContextSetter))
}

/** Replaces the field by an accessor. Lines stay where they are, and other code is returned as it is. Exported for its test. */
export function withContextSetter(code: string): string {
  const setter = `this._context = globalThis[Symbol.for(${JSON.stringify(CONTEXT_KEEPER)})]?.(next, this._context) ?? next`
  return code.replace(FIELD, `\n  _context = {}; get context() { return this._context } set context(next) { ${setter} }`)
}

function addRollupPlugin(nuxt: FeatureContext['nuxt'], plugin: Plugin): void {
  nuxt.hook('nitro:config', (config) => {
    // Nitro fills in all other fields of Rollup's options.
    const plugins = [plugin, ...[config.rollupConfig?.plugins].flat()]
    config.rollupConfig = { ...config.rollupConfig, plugins } as typeof config.rollupConfig
  })
}

/** Changes the code of one module, and says so in the debug output when that module has other code than the patch knows. */
function transformPlugin(name: NitroPatch, module: RegExp, change: (code: string) => string): Plugin {
  return {
    name: `nuxt-scale:${name}`,
    transform(code, id) {
      if (!module.test(id)) return null
      const changed = change(code)
      if (changed === code) useLogger('nuxt-scale').debug(`The Nitro patch "${name}" changes nothing: ${id} `
        + `has other code than the patch knows.`)
      return { code: changed, map: null }
    },
  }
}
