import type { Duration } from '../../core/duration'
import { parseDuration } from '../../core/duration'
import { variableOf } from '../../core/environment-variable'
import type { Complete } from '../../core/feature-settings'
import { defineSettings } from '../../core/feature-settings'
import { parseChoice, parseCount, parseNumberAbove, refuseOtherThanObject } from '../../core/settings'
import type { CdnTarget } from '../policy'

/**
 * `scale.http.purge`: purges the CDN of `scale.http.cdn` after invalidations. The address, id and token are read when the server starts.
 * Without them, nothing is purged.
 */
export interface HttpPurgeOptions {
  /**
   * With `cdn: 'generic'`: addresses of the caches that support PURGE, separated by commas.
   * With Fastly and Cloudflare: address of their API, which is known by default.
   * @default ''
   * @env NUXT_SCALE_HTTP_PURGE_URL
   */
  url?: string
  /**
   * Fastly: id of the service. Cloudflare: id of the zone.
   * @default ''
   * @env NUXT_SCALE_HTTP_PURGE_ID
   */
  id?: string
  /**
   * API token of Fastly (`Fastly-Key`) or Cloudflare. With `cdn: 'generic'` it is optional and sent as `Authorization: Bearer …`.
   * Set it in the environment only, never in nuxt.config.
   * @default ''
   * @env NUXT_SCALE_HTTP_PURGE_TOKEN
   */
  token?: string
  /**
   * Deadline of one call. A plain number is seconds.
   * @default '5s'
   * @env NUXT_SCALE_HTTP_PURGE_TIMEOUT
   */
  timeout?: Duration
  /**
   * How long an invalidation waits for the CDN. A plain number is seconds. After that the invalidation resolves, or rejects with `strict`.
   * The purge continues in both cases.
   * @default '1s'
   * @env NUXT_SCALE_HTTP_PURGE_WAIT
   */
  wait?: Duration
  /**
   * Average number of calls per second, for each instance. The free plan of Cloudflare allows 5 per minute: write `0.08`.
   * @default 5
   * @env NUXT_SCALE_HTTP_PURGE_RATE
   */
  rate?: number
  /**
   * Number of calls that can be made at once after an idle time.
   * @default 25
   * @env NUXT_SCALE_HTTP_PURGE_BURST
   */
  burst?: number
  /**
   * Time after which every key is purged a second time. A plain number is seconds. `0` disables the second purge.
   * It is needed because an old response that was being sent may reach the CDN after the first purge.
   * @default '4s'
   * @env NUXT_SCALE_HTTP_PURGE_AGAIN_AFTER
   */
  againAfter?: Duration
}

/** CDNs that can be purged by tag. */
export type PurgeTarget = 'generic' | 'fastly' | 'cloudflare'

const TARGETS: readonly PurgeTarget[] = ['generic', 'fastly', 'cloudflare']
const APIS = { generic: '', fastly: 'https://api.fastly.com', cloudflare: 'https://api.cloudflare.com/client/v4' } as const

/** Validated settings. All times are in milliseconds. */
export interface HttpPurgeSettings {
  target: PurgeTarget
  /** Addresses without a trailing slash. */
  urls: readonly string[]
  id: string
  token: string
  timeout: number
  wait: number
  rate: number
  burst: number
  againAfter: number
}

const OPTION = 'scale.http.purge'

/** The options of `scale.http.purge`. The settings are undefined if none of address, id and token is set. */
export const purgeSettings = defineSettings({
  path: OPTION,
  defaults: {
    url: '',
    id: '',
    token: '',
    timeout: '5s',
    wait: '1s',
    rate: 5,
    burst: 25,
    againAfter: '4s',
  },
  resolve: resolvePurge,
})

function resolvePurge(given: Complete<HttpPurgeOptions>, cdn: '' | CdnTarget | undefined): HttpPurgeSettings | undefined {
  // An environment variable of digits arrives as a number.
  const [url, id, token] = [String(given.url), String(given.id), String(given.token)] as const
  const rest = resolveRest(given)
  if (!url && !id && !token) return undefined
  const target = parseChoice(cdn, TARGETS, 'scale.http.cdn')
  const needs = (value: string, option: string) => {
    if (value) return
    throw new Error(`${OPTION}.${option} is not set: set ${variableOf(`${OPTION}.${option}`)} where the server starts.`)
  }
  if (target === 'generic') needs(url, 'url')
  else {
    needs(id, 'id')
    needs(token, 'token')
  }
  return { target, urls: readUrls(url || APIS[target]), id, token, ...rest }
}

/**
 * Validates the options at build time. Ids and tokens may be missing then, because they come from the environment of the server.
 *
 * @throws Error naming the option that is wrong
 */
export function checkPurgeOptions(options: Complete<HttpPurgeOptions>, cdn: '' | CdnTarget | undefined): void {
  if (!(TARGETS as readonly unknown[]).includes(cdn)) {
    throw new TypeError(
      `${OPTION} requires scale.http.cdn to be one of ${TARGETS.join(', ')}, which can be purged by tag: set it, or remove purge.`,
    )
  }
  refuseOtherThanObject(options, OPTION)
  resolveRest(options)
  readUrls(options.url)
}

function resolveRest(given: Complete<HttpPurgeOptions>): Omit<HttpPurgeSettings, 'target' | 'urls' | 'id' | 'token'> {
  const timeout = parseDuration(given.timeout, `${OPTION}.timeout`)
  if (timeout === 0) throw new TypeError(`${OPTION}.timeout is 0, but every call needs time: write a time such as '5s'.`)
  return {
    timeout,
    wait: parseDuration(given.wait, `${OPTION}.wait`),
    rate: parseNumberAbove(given.rate, 0, `${OPTION}.rate`),
    burst: parseCount(given.burst, `${OPTION}.burst`),
    againAfter: parseDuration(given.againAfter, `${OPTION}.againAfter`),
  }
}

/** Parses the addresses, and refuses addresses with credentials, because errors may show addresses. */
function readUrls(text: string): string[] {
  return text.split(',').map(part => part.trim()).filter(Boolean).map((part) => {
    const url = URL.canParse(part) ? new URL(part) : undefined
    if (!url || !/^https?:$/.test(url.protocol)) {
      throw new TypeError(
        `${OPTION}.url contains a part that is not an address: write addresses such as 'http://varnish:6081', separated by commas.`,
      )
    }
    if (url.username || url.password) {
      throw new TypeError(
        `${OPTION}.url contains a user name or a password, which calls cannot send: set NUXT_SCALE_HTTP_PURGE_TOKEN instead.`,
      )
    }
    return url.href.replace(/\/$/, '')
  })
}
