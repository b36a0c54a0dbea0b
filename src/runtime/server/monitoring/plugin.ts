import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import config from '#scale/config.mjs'
import pages from '#scale/page-routes.mjs'
import { onClose } from '../core/closing'
import { createLog, atMostEvery, quoted } from '../core/log'
import type { Complete } from '../core/feature-settings'
import { useFeatureConfig, useScaleConfig } from '../core/scale-config'
import { defineNitroPlugin } from '../nitro'
import { createAddressLimiter } from './address-limiter'
import { browserFamily, createIngest } from './ingest'
import { recordError, recordVital, rejections } from './browser-metrics'
import { createReceiver } from './receive'
import { createRing } from './ring'
import { monitoringService } from './service'
import type { MonitoringModuleOptions } from './settings'
import { monitoringSettings } from './settings'
import { createStackResolver, MAPS_FOLDER } from './stack-resolver'
import type { ClientError, MonitoringFunctions } from './types'

const QUIET = 1000

/** Receives the reports of browsers. */
export default defineNitroPlugin((nitroApp) => {
  const settings = monitoringSettings.resolve(withProxies(useFeatureConfig<MonitoringModuleOptions>('monitoring')))
  if (import.meta.prerender) return
  const log = createLog('monitoring')
  const onceASecond = { error: atMostEvery(QUIET), failed: atMostEvery(QUIET) }
  const ring = createRing(pages)
  // In every chunk, Nitro makes this the address of the file that starts the server. It is not known yet while plugins start.
  const resolve = createStackResolver(() => join(dirname(fileURLToPath(import.meta.url)), MAPS_FOLDER))
  const receive = createReceiver({
    ring,
    functions: config as MonitoringFunctions,
    resolve,
    observe: {
      onVital: recordVital,
      onError(error) {
        recordError(error)
        if (!ring.findError(error.fingerprint)) onceASecond.error(() => log.warn(describeError(error)))
      },
    },
    onFailed: (name, error) => onceASecond.failed(() => log.error(`${name}() of server/scale.config.ts failed:`, error)),
  })
  const ingest = createIngest({
    take: createAddressLimiter({ perMinute: settings.maxRequests, trusts: settings.trusts }),
    onAccepted: (content, { headers }) => receive(content, browserFamily(headers['user-agent'])),
    onRejected: reason => rejections.record(1, reason),
  })
  monitoringService.provide({ ring, ingest, resolve })
  onClose(nitroApp, 'context', () => monitoringService.provide(undefined))
})

/** Most apps name their proxies once, for the rate limits. */
function withProxies(options: Complete<MonitoringModuleOptions>): Complete<MonitoringModuleOptions> {
  const { rateLimit } = useScaleConfig()
  if (options.trustedProxies.length > 0) return options
  return { ...options, trustedProxies: rateLimit ? rateLimit.trustedProxies : [] }
}

function describeError({ kind, name, message, route }: ClientError): string {
  return `A browser reports a new ${kind === 'chunk' ? 'failed download' : 'error'} on ${quoted(route)}: ${quoted(`${name}: ${message}`)}.`
}
