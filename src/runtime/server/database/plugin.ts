import factory from '#scale/database.mjs'
import { createLog } from '../log'
import { defineNitroPlugin, useRuntimeConfig } from '../nitro'
import { pathOf } from '../path-patterns'
import { readSecret } from '../signing-keys'
import { createClientRegistry } from './clients'
import type { CurrentDatabase } from './current'
import { addDatabase, setCurrentDatabase } from './current'
import { probeAddress } from './probe'
import { createQueryWatch } from './query-watch'
import { createReplicaSet } from './replicas'
import { scopeOf, withLeases } from './request'
import type { DatabaseModuleOptions } from './settings'
import { resolveDatabaseSettings } from './settings'
import { stickyCookie } from './sticky'
import type { DatabaseFactory, DatabaseSpec, ScaleDatabaseClient } from './types'

/** Opens the registry of clients when the server starts, and disconnects everything when it closes. */
export default defineNitroPlugin((nitroApp) => {
  const settings = resolveDatabaseSettings(useRuntimeConfig().scale.database as unknown as DatabaseModuleOptions, process.env)
  if (typeof factory !== 'function') {
    throw new TypeError('server/scale.database.ts exports no factory by default: write export default defineScaleDatabase(({ url, schema, pool }) => …).')
  }
  const log = createLog('database')
  const watch = import.meta.dev ? createQueryWatch({ warn: sentence => log.warn(sentence) }) : undefined
  const make = factory as DatabaseFactory<ScaleDatabaseClient | Promise<ScaleDatabaseClient>>
  const registry = createClientRegistry<ScaleDatabaseClient>({ ...settings, factory: watch ? watch.factory(make) : make, log })
  const database: CurrentDatabase = { registry, settings }
  setCurrentDatabase(database)

  let warming: Promise<unknown> | undefined
  if (settings.url) {
    const spec = addDatabase('default', { url: settings.url })
    // usePrisma() cannot wait, so what is known to be asynchronous is made before the first request. Its failure shows there.
    if (isAsync(factory)) {
      warming = registry.lease(spec).then(lease => lease.release(), () => {}).finally(() => warming = undefined)
    }
  }

  if (settings.url && settings.replicas.length > 0) {
    const secret = readSecret()
    if (secret === '') {
      log.warn('scale.database.replicas are not used, because users could not be sure to read what they wrote: set NUXT_SCALE_SECRET where the server starts.')
    }
    else {
      const specs = settings.replicas.map((url, index): DatabaseSpec => ({ name: `replica ${index + 1}`, url, role: 'reader' }))
      specs.forEach(spec => registry.pin(spec))
      database.replicas = { set: createReplicaSet({ specs, probe: probeAddress }), secret }
      nitroApp.hooks.hook('beforeResponse', (event) => {
        const { req, res } = event.node
        if (!scopeOf(event)?.wrote || res.headersSent) return
        const secure = (req.socket as { encrypted?: boolean } | null)?.encrypted === true || req.headers['x-forwarded-proto'] === 'https'
        res.appendHeader('set-cookie', stickyCookie(secret, Date.now(), secure))
      })
    }
  }

  const { h3App } = nitroApp
  const handler = withLeases(h3App.handler, () => warming)
  h3App.handler = Object.assign(watch ? watch.around(handler, event => `${event.method} ${pathOf(event.path)}`) : handler, h3App.handler) as typeof h3App.handler
  nitroApp.hooks.hookOnce('close', () => registry.close())
})

function isAsync(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object AsyncFunction]'
}
