import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'
import { parseCount, parseSwitch } from '../core/settings'
import type { SeriesLimits } from './registry'

/** `scale.metrics`: metrics for Prometheus and OpenTelemetry. The feature is off unless the option is set. */
export interface MetricsModuleOptions {
  /**
   * Path of the metrics, below `app.baseURL`.
   * @default '/_scale/metrics'
   * @env NUXT_SCALE_METRICS_PATH
   */
  path?: string
  /**
   * Bearer token that a scrape must send. In production, the path answers 404 without a token. Set the environment variable: a production
   * build rejects a token in nuxt.config.
   * @default ''
   * @env NUXT_SCALE_METRICS_TOKEN
   */
  token?: string
  /**
   * Separate port for the metrics. The port of the app then answers 404. `0` means no separate port.
   * @default 0
   * @env NUXT_SCALE_METRICS_PORT
   */
  port?: number
  /**
   * Address of the separate port. With `'0.0.0.0'`, other machines can read the metrics, so set a token, too.
   * @default '127.0.0.1'
   * @env NUXT_SCALE_METRICS_HOST
   */
  host?: string
  /**
   * Most label sets of a histogram. Counters and gauges have ten times as many. Further values are counted as `_other`.
   * @default 200
   * @env NUXT_SCALE_METRICS_MAX_SERIES
   */
  maxSeries?: number
  /**
   * Most different routes of a metric.
   * @default 100
   * @env NUXT_SCALE_METRICS_MAX_ROUTES
   */
  maxRoutes?: number
  /**
   * Adds trace ids to the durations of requests, if the scrape asks for OpenMetrics. They come from sampled `traceparent` headers.
   * @default false
   * @env NUXT_SCALE_METRICS_EXEMPLARS
   */
  exemplars?: boolean
}

/** Validated settings. */
export interface MetricsSettings {
  path: string
  token: string
  /** `0` for no separate port. */
  port: number
  host: string
  limits: SeriesLimits
  exemplars: boolean
}

const OPTION = 'scale.metrics'
const LAST_PORT = 65_535
const MOST_NAMES = 50
const MOST_QUEUES = 100

/** The options of `scale.metrics`. */
export const metricsSettings = defineSettings({
  path: OPTION,
  defaults: {
    path: '/_scale/metrics',
    token: '',
    port: 0,
    host: '127.0.0.1',
    maxSeries: 200,
    maxRoutes: 100,
    exemplars: false,
  },
  resolve: resolveMetrics,
})

function resolveMetrics(given: Complete<MetricsModuleOptions>): MetricsSettings {
  return {
    path: parsePath(given.path),
    // A token of digits in a variable is a number.
    token: String(given.token),
    port: parsePort(given.port),
    host: parseHost(given.host),
    limits: {
      maxSeries: parseCount(given.maxSeries, `${OPTION}.maxSeries`),
      routes: parseCount(given.maxRoutes, `${OPTION}.maxRoutes`),
      names: MOST_NAMES,
      queues: MOST_QUEUES,
    },
    exemplars: parseSwitch(given.exemplars, `${OPTION}.exemplars`),
  }
}

function parsePath(path: unknown): string {
  if (typeof path === 'string' && /^\/[\w./-]*[\w-]$/.test(path)) return path
  throw new TypeError(
    `${OPTION}.path is ${JSON.stringify(path)}: write a path that begins with / and does not end with one, such as '/_scale/metrics'.`,
  )
}

function parsePort(value: unknown): number {
  const port = parseCount(value, `${OPTION}.port`, 0)
  if (port > LAST_PORT) throw new TypeError(`${OPTION}.port is ${port}: write a port from 1 to ${LAST_PORT}, or 0 for no separate port.`)
  return port
}

function parseHost(host: unknown): string {
  if (typeof host === 'string' && /^[\w.:-]+$/.test(host)) return host
  throw new TypeError(`${OPTION}.host is ${JSON.stringify(host)}: write an address such as '127.0.0.1' or '0.0.0.0'.`)
}
