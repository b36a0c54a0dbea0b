import type { Duration } from '../core/duration'
import { parseDuration } from '../core/duration'
import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'
import { parseCount, parseShare, parseSwitch } from '../core/settings'
import { compileProxies } from '../core/trusted-addresses'

/** `scale.monitoring`: error tracking and performance monitoring in the browser. The feature is off unless the option is set. */
export interface MonitoringModuleOptions {
  /**
   * Reports errors of the browser: uncaught errors, unhandled rejections, errors of Vue, and files of the app that could not be loaded.
   * The build then keeps the source maps of the client beside the server, and never serves them. It is fixed at build time.
   * @default true
   */
  errors?: boolean
  /**
   * Reports web vitals, the phases of page loads, and slow resources. It is fixed at build time.
   * @default true
   */
  vitals?: boolean
  /**
   * Part of the page loads that report, from 0 to 1. A page load that is not chosen downloads nothing of the feature after its first file.
   * @default 1
   * @env NUXT_SCALE_MONITORING_SAMPLE_RATE for rendered pages; prerendered pages keep the value of the build
   */
  sampleRate?: number
  /**
   * Loading time from which a resource is reported. A plain number is seconds. It is fixed at build time.
   * @default '1s'
   */
  slowResource?: Duration
  /**
   * Release that reports name. With an empty string, it is the version in `package.json` of the app. It is fixed at build time.
   * @default ''
   */
  release?: string
  /**
   * Route that receives the reports, with POST. It is fixed at build time.
   * @default '/_scale/ingest'
   */
  path?: string
  /**
   * Most messages of one client address per minute, IPv6 by /64. Each instance counts on its own.
   * @default 600
   * @env NUXT_SCALE_MONITORING_MAX_REQUESTS
   */
  maxRequests?: number
  /**
   * Addresses and CIDR ranges of your proxies, as in `scale.rateLimit.trustedProxies`, which is used if this list is empty.
   * @default []
   * @env NUXT_SCALE_MONITORING_TRUSTED_PROXIES a JSON list
   */
  trustedProxies?: readonly string[]
}

/** Validated settings. */
interface MonitoringSettings {
  errors: boolean
  vitals: boolean
  sampleRate: number
  /** Milliseconds. */
  slowResource: number
  release: string
  path: string
  /** Messages per minute and address. */
  maxRequests: number
  /** Returns whether an address is one of the proxies. */
  trusts: (address: string | undefined) => boolean
}

const OPTION = 'scale.monitoring'
const LONGEST_RELEASE = 100

/** The options of `scale.monitoring`. */
export const monitoringSettings = defineSettings({
  path: OPTION,
  defaults: {
    errors: true,
    vitals: true,
    sampleRate: 1,
    slowResource: '1s',
    release: '',
    path: '/_scale/ingest',
    maxRequests: 600,
    trustedProxies: [],
  },
  resolve: resolveMonitoring,
})

function resolveMonitoring(given: Complete<MonitoringModuleOptions>): MonitoringSettings {
  return {
    errors: parseSwitch(given.errors, `${OPTION}.errors`),
    vitals: parseSwitch(given.vitals, `${OPTION}.vitals`),
    sampleRate: parseShare(given.sampleRate, `${OPTION}.sampleRate`),
    slowResource: parseDuration(given.slowResource, `${OPTION}.slowResource`),
    release: parseRelease(given.release),
    path: parsePath(given.path),
    maxRequests: parseCount(given.maxRequests, `${OPTION}.maxRequests`),
    trusts: compileProxies(given.trustedProxies, `${OPTION}.trustedProxies`),
  }
}

function parsePath(path: unknown): string {
  if (typeof path === 'string' && /^\/[\w./-]*[\w-]$/.test(path)) return path
  throw new TypeError(
    `${OPTION}.path is ${JSON.stringify(path)}: write a path that begins with / and does not end with one, such as '/_scale/ingest'.`,
  )
}

function parseRelease(release: unknown): string {
  if (typeof release === 'string' && release.length <= LONGEST_RELEASE && /^[\w.+/@-]*$/.test(release)) return release
  throw new TypeError(
    `${OPTION}.release is ${JSON.stringify(release)}: write at most ${LONGEST_RELEASE} letters, digits and characters of . _ + / @ -.`,
  )
}
