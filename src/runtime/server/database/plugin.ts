import factory from '#scale/database.mjs'
import { createLog } from '../log'
import { defineNitroPlugin, useRuntimeConfig } from '../nitro'
import { createClientRegistry } from './clients'
import { addDatabase, setCurrentDatabase } from './current'
import { withLeases } from './request'
import type { DatabaseModuleOptions } from './settings'
import { resolveDatabaseSettings } from './settings'
import type { DatabaseFactory, ScaleDatabaseClient } from './types'

/** Opens the registry of clients when the server starts, and disconnects everything when it closes. */
export default defineNitroPlugin((nitroApp) => {
  const settings = resolveDatabaseSettings(useRuntimeConfig().scale.database as unknown as DatabaseModuleOptions, process.env)
  if (typeof factory !== 'function') {
    throw new TypeError('server/scale.database.ts exports no factory by default: write export default defineScaleDatabase(({ url, schema, pool }) => …).')
  }
  const registry = createClientRegistry<ScaleDatabaseClient>({ ...settings, factory: factory as DatabaseFactory<ScaleDatabaseClient | Promise<ScaleDatabaseClient>>, log: createLog('database') })
  setCurrentDatabase({ registry, settings })

  let warming: Promise<unknown> | undefined
  if (settings.url) {
    const spec = addDatabase('default', { url: settings.url })
    // usePrisma() cannot wait, so what is known to be asynchronous is made before the first request. Its failure shows there.
    if (isAsync(factory)) {
      warming = registry.lease(spec).then(lease => lease.release(), () => {}).finally(() => warming = undefined)
    }
  }

  const { h3App } = nitroApp
  h3App.handler = withLeases(h3App.handler, () => warming) as typeof h3App.handler
  nitroApp.hooks.hookOnce('close', () => registry.close())
})

function isAsync(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object AsyncFunction]'
}
