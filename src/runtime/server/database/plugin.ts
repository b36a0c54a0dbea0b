import { useFeatureConfig, useScaleConfig } from '../core/scale-config'
import type { IncomingMessage } from 'node:http'
import factory from '#scale/database.mjs'
import { beforeHeaders } from '../request/before-headers'
import { onClose } from '../core/closing'
import { provideHealthCheck } from '../core/health-checks'
import { createLog } from '../core/log'
import { defineNitroPlugin } from '../nitro'
import { pathOf } from '../core/paths'
import { sharedSigningKey } from '../core/signing-keys'
import { addStage } from '../request/handler-chain'
import { tenantLocationService } from '../request/tenant'
import { createAnswerWatch } from './answer-watch'
import { askNothing } from './ask'
import { createClientRegistry } from './clients'
import type { CurrentDatabase } from './service'
import { addDatabase, databaseService } from './service'
import { pingDatabase } from './ping'
import { probeAddress } from './probe'
import { createQueryWatch } from './query-watch'
import { readGaugesOf } from './read-gauges'
import { createReplicaSets } from './replica-sets'
import type { LeaseOptions } from './request'
import { withLeases } from './request'
import type { DatabaseModuleOptions, DatabaseSettings } from './settings'
import { databaseSettings } from './settings'
import { stickyCookie } from './read-your-writes'
import type { DatabaseFactory, DatabaseSpec, ScaleDatabaseClient } from './types'

/** Creates the registry of database clients when the server starts, and disconnects all clients when it shuts down. */
export default defineNitroPlugin((nitroApp) => {
  const scale = useScaleConfig()
  const settings = databaseSettings.resolve(useFeatureConfig<DatabaseModuleOptions>('database'), process.env)
  if (typeof factory !== 'function') {
    throw new TypeError('The default export of server/scale.database.ts must be a factory:'
      + ' write export default defineScaleDatabase(({ url, schema, pool }) => …).')
  }
  const log = createLog('database')
  const watch = import.meta.dev ? createQueryWatch({ warn: sentence => log.warn(sentence) }) : undefined
  const make = factory as DatabaseFactory<ScaleDatabaseClient | Promise<ScaleDatabaseClient>>
  const registry = createClientRegistry<ScaleDatabaseClient>({ ...settings, factory: watch ? watch.factory(make) : make, log })
  const key = sharedSigningKey('read-your-writes')
  const replicas = createReplicaSets({ hasKey: key !== undefined, probe: probeAddress, warn: sentence => log.warn(sentence) })
  const copies = { replicas, key }
  let warming: Promise<unknown> | undefined

  // usePrisma() cannot wait, so clients of an async factory are created before the first request. That request shows their errors.
  function warm(spec: DatabaseSpec): void {
    const made = Promise.all([warming, registry.lease(spec).then(lease => lease.release(), () => {})]).finally(() => {
      if (warming === made) warming = undefined
    })
    warming = made
  }

  const ping = make.ping as CurrentDatabase['ping']
  databaseService.provide({ registry, settings, copies, named: new Map(), ping, onPin: isAsync(factory) ? warm : undefined })
  if (settings.url) {
    const spec = addDatabase('default', { url: settings.url, replicas: settings.replicas })
    provideHealthCheck({ name: 'database', feature: 'database', run: () => pingDatabase(spec) })
  }
  else if (settings.hasDefault && !scale.tenancy && !scale.shards && !import.meta.prerender) {
    throw new Error(`scale.database has no address: set ${variablesOf(settings)} where the server starts,`
      + ' or write url: false if no call uses the default database.')
  }
  const { default: usualTenant } = scale.tenancy || {}
  if (usualTenant) {
    provideHealthCheck({ name: `tenant ${usualTenant}`, feature: 'tenants', run: async () => {
      const location = await tenantLocationService.find()?.(usualTenant)
      return location && pingDatabase({ name: usualTenant, ...location })
    } })
  }

  const { h3App } = nitroApp
  const leaseOptions: LeaseOptions = {
    ready: () => warming,
    watch: settings.answerTimeout === undefined
      ? undefined
      : createAnswerWatch({
          timeout: settings.answerTimeout,
          askTimeout: Math.min(settings.pool.acquireTimeout, settings.answerTimeout / 2),
          ask: client => askNothing(client, ping),
          log,
        }),
    isBusy: make.isBusy,
    // The cookie is set just before the headers are sent, so that its lifetime counts from the response. Errors set it too.
    onWrite: ({ node: { req, res } }) => key && beforeHeaders(res, (response) => {
      response.appendHeader('set-cookie', stickyCookie(key, Date.now(), isSecure(req)))
    }),
  }
  addStage(h3App, 'leases', next => withLeases(next, leaseOptions))
  if (watch) addStage(h3App, 'query-watch', next => watch.around(next, event => `${event.method} ${pathOf(event.path)}`))
  const stopReading = readGaugesOf(registry, settings)
  onClose(nitroApp, 'databases', (left) => {
    stopReading()
    return registry.close(left)
  })
})

function variablesOf({ source }: DatabaseSettings): string {
  return `NUXT_SCALE_DATABASE_URL${source === 'scale.database.url' ? '' : ` (or ${source})`}`
}

function isSecure({ socket, headers }: IncomingMessage): boolean {
  return (socket as { encrypted?: boolean } | null)?.encrypted === true || headers['x-forwarded-proto'] === 'https'
}

function isAsync(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object AsyncFunction]'
}
