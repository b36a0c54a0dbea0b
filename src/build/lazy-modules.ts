import { addServerPlugin } from '@nuxt/kit'
import type { Plugin } from 'rollup'
import { OUTSIDE } from '../runtime/server/lazy-modules/evaluate-outside'
import type { FeatureContext } from './types'

/**
 * Evaluates modules outside of every request. Nitro loads the file of a route when the first request for it comes, and Node evaluates
 * a module in the asynchronous context of whoever imports it first. Timers, queues and listeners at the top of that file would work
 * for the tenant of that request, with its database clients, for as long as the process lives.
 */
export function keepModulesOutsideRequests({ nuxt, options, runtime }: FeatureContext): void {
  // Only these features know in which call they run.
  if (!options.tenancy && !options.database && !options.rabbitmq) return
  addServerPlugin(runtime('lazy-modules/plugin'))
  nuxt.hook('nitro:config', (config) => {
    // Every other field of Rollup's options is Nitro's to fill in.
    const plugins = [createLazyModulesPlugin(), ...[config.rollupConfig?.plugins].flat()]
    config.rollupConfig = { ...config.rollupConfig, plugins } as typeof config.rollupConfig
  })
}

/** Writes each `import()` of the server as a call that runs outside. Before the server has started it is a plain import. */
export function createLazyModulesPlugin(): Plugin {
  const run = `(globalThis[Symbol.for(${JSON.stringify(OUTSIDE)})] ?? (load => load()))`
  return { name: 'nuxt-scale:lazy-modules', renderDynamicImport: () => ({ left: `${run}(() => import(`, right: '))' }) }
}
