import allRoutes from '#scale/all-routes.mjs'
import appInfo from '#scale/app-info.mjs'
import pages from '#scale/page-routes.mjs'
import routes from '#scale/routes.mjs'
import { instanceName } from '../core/instance'
import { attachRecorders, readGauges } from '../core/instruments'
import { onClose } from '../core/closing'
import { createLog } from '../core/log'
import { METRICS } from '../core/metric-definitions'
import { useFeatureConfig, useScaleConfig } from '../core/scale-config'
import { defineNitroPlugin, getPublicAsset, isPublicAssetURL, useRuntimeConfig } from '../nitro'
import { createScrapeHandler, end } from './answer-scrape'
import { measureProcess } from './process-metrics'
import { measureRequests } from './measure-requests'
import { openMetricsPort } from './metrics-port'
import type { MeterProviderLike } from './open-telemetry'
import { sendToOpenTelemetry } from './open-telemetry'
import { createMetricRegistry } from './registry'
import { createRouteFinder } from './route-finder'
import type { CurrentMetrics } from './service'
import { metricsService } from './service'
import type { MetricsModuleOptions } from './settings'
import { metricsSettings } from './settings'

/** Measures the process and its features, and answers scrapes before any other stage sees them. */
export default defineNitroPlugin((nitroApp) => {
  const settings = metricsSettings.resolve(useFeatureConfig<MetricsModuleOptions>('metrics'))
  if (import.meta.prerender) return
  const log = createLog('metrics')
  const base = useRuntimeConfig().app.baseURL.replace(/\/$/, '')
  const registry = createMetricRegistry(METRICS, settings.limits)
  attachRecorders(name => registry.metrics.get(name))
  const read = createReader(error => log.error('A metric could not be read:', error))
  const metrics: CurrentMetrics = {
    registry,
    included: new Set(),
    read,
    addMeterProvider: provider => sendToOpenTelemetry(registry, provider, read),
  }
  metricsService.provide(metrics)
  const stopProcess = measureProcess()
  const scrape = createScrapeHandler({ metrics, token: settings.token, info: infoLine(useScaleConfig().role) })

  const isOpen = settings.port === 0 && (settings.token !== '' || import.meta.dev)
  if (!isOpen && settings.port === 0) {
    log.warn(`${settings.path} answers 404, because neither scale.metrics.token nor scale.metrics.port is set: `
      + 'set NUXT_SCALE_METRICS_TOKEN or NUXT_SCALE_METRICS_PORT where the server starts.')
  }
  const path = `${base}${settings.path}`
  const stopRequests = measureRequests(nitroApp.h3App, {
    durations: registry.metrics.get('http.server.request.duration')!,
    routeOf: createRouteFinder({
      own: allRoutes,
      renderer: routes.pages,
      pages,
      base,
      isPublic: path => getPublicAsset(path) !== undefined || isPublicAssetURL(path),
    }),
    answer({ path: target, node }) {
      if (!target.startsWith(path) || (target.length > path.length && target[path.length] !== '?')) return undefined
      return isOpen ? scrape(node.req, node.res) : Promise.resolve(end(node.res, 404))
    },
    exemplars: settings.exemplars,
  })
  const port = settings.port === 0 ? undefined : openMetricsPort(settings, scrape, log)
  void findMeterProvider().then(provider => provider && metrics.addMeterProvider(provider))

  onClose(nitroApp, 'context', () => {
    stopProcess()
    stopRequests()
    attachRecorders(undefined)
    metricsService.provide(undefined)
    return port?.close()
  })
})

/** Returns a function that updates the gauges, at most once in a turn of the event loop. */
function createReader(onFailed: (error: unknown) => void): () => void {
  let isFresh = false
  return () => {
    if (isFresh) return
    isFresh = true
    setImmediate(() => {
      isFresh = false
    })
    readGauges(onFailed)
  }
}

/** Returns the global MeterProvider, if the app has OpenTelemetry and has set one before the server started. */
async function findMeterProvider(): Promise<MeterProviderLike | undefined> {
  try {
    const { createNoopMeter, metrics } = await import('@opentelemetry/api')
    return metrics.getMeter('nuxt-scale') === createNoopMeter() ? undefined : metrics.getMeterProvider()
  }
  catch {
    return undefined
  }
}

/** Describes the process in one series, which queries can join. */
function infoLine(role: string): string {
  const labels = {
    service_name: process.env.OTEL_SERVICE_NAME || appInfo.name,
    service_version: appInfo.version,
    service_instance_id: instanceName(),
    deployment_environment_name: process.env.NODE_ENV ?? 'production',
    role,
    nuxt: appInfo.nuxt,
    nitro: appInfo.nitro,
    node: process.versions.node,
  }
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${String(value).replaceAll(/["\\\n]/g, '_')}"`)
  return `# HELP target_info The process and its versions.\n# TYPE target_info gauge\ntarget_info{${pairs.join(',')}} 1\n`
}
