import type { Duration } from '../../cache/types'
import { parseDuration } from '../../duration'
import { parseChoice, parseNumberAbove, refuseOtherThanObject, refuseUnknownKeys, parseCount } from '../../settings'
import type { CdnTarget } from '../policy'

/** `scale.http.purge`: how invalidations reach the CDN that `scale.http.cdn` names. What it needs is read when the server starts; without it nothing is purged. */
export interface HttpPurgeOptions {
  /**
   * With `cdn: 'generic'` the addresses of the caches that answer PURGE, separated by commas. With Fastly and Cloudflare the address of their API.
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
   * Fastly: API token (`Fastly-Key`). Cloudflare: API token. With `cdn: 'generic'`, if it is set: sent as `Authorization: Bearer …`. Never in nuxt.config.
   * @default ''
   * @env NUXT_SCALE_HTTP_PURGE_TOKEN
   */
  token?: string
  /**
   * Deadline of one call.
   * @default '5s'
   * @env NUXT_SCALE_HTTP_PURGE_TIMEOUT
   */
  timeout?: Duration
  /**
   * How long an invalidation waits for the CDN. After that it goes on without, or with `strict` rejects; the purge is sent all the same.
   * @default '1s'
   * @env NUXT_SCALE_HTTP_PURGE_WAIT
   */
  wait?: Duration
  /**
   * Calls a second on average, of this instance. Cloudflare's free plan allows 5 a minute: write `0.08`.
   * @default 5
   * @env NUXT_SCALE_HTTP_PURGE_RATE
   */
  rate?: number
  /**
   * Calls that may be made at once after a rest.
   * @default 25
   * @env NUXT_SCALE_HTTP_PURGE_BURST
   */
  burst?: number
  /**
   * Pause after which everything is purged once more: a response that was under way at the first purge may have reached the CDN after it. 0: not again.
   * @default '4s'
   * @env NUXT_SCALE_HTTP_PURGE_AGAIN_AFTER
   */
  againAfter?: Duration
}

export const httpPurgeDefaults = {
  url: '',
  id: '',
  token: '',
  timeout: '5s',
  wait: '1s',
  rate: 5,
  burst: 25,
  againAfter: '4s',
} satisfies Required<HttpPurgeOptions>

/** CDNs that can be purged by tag. */
export type PurgeTarget = 'generic' | 'fastly' | 'cloudflare'

const TARGETS: readonly PurgeTarget[] = ['generic', 'fastly', 'cloudflare']
const APIS = { generic: '', fastly: 'https://api.fastly.com', cloudflare: 'https://api.cloudflare.com/client/v4' } as const

/** Times in milliseconds. */
export interface HttpPurgeSettings {
  target: PurgeTarget
  /** Without a slash at the end. */
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

/**
 * Checks what can be known at build: everything but addresses and secrets.
 *
 * @throws Error naming the option that is wrong
 */
export function checkPurgeOptions(options: HttpPurgeOptions, cdn: '' | CdnTarget | undefined): void {
  if (!(TARGETS as readonly unknown[]).includes(cdn)) {
    throw new TypeError(`${OPTION} needs scale.http.cdn to be one of ${TARGETS.join(', ')}, which can be purged by tag: write it, or take purge out.`)
  }
  resolveRest(options)
  readUrls(options.url)
}

/**
 * @returns undefined when the server was started with nothing to purge by
 * @throws Error naming the option that is wrong or missing, and its variable
 */
export function resolvePurgeSettings(options: HttpPurgeOptions, cdn: '' | CdnTarget | undefined): HttpPurgeSettings | undefined {
  const given = { ...httpPurgeDefaults, ...options }
  // An environment variable of digits arrives as a number.
  const [url, id, token] = [String(given.url), String(given.id), String(given.token)] as const
  const rest = resolveRest(options)
  if (!url && !id && !token) return undefined
  const target = parseChoice(cdn, TARGETS, 'scale.http.cdn')
  const needs = (value: string, option: string) => {
    if (!value) throw new Error(`${OPTION}.${option} is not set: set NUXT_SCALE_HTTP_PURGE_${option.toUpperCase()} where the server starts.`)
  }
  if (target === 'generic') needs(url, 'url')
  else {
    needs(id, 'id')
    needs(token, 'token')
  }
  return { target, urls: readUrls(url || APIS[target]), id, token, ...rest }
}

function resolveRest(options: HttpPurgeOptions): Omit<HttpPurgeSettings, 'target' | 'urls' | 'id' | 'token'> {
  refuseOtherThanObject(options, OPTION)
  refuseUnknownKeys(options, Object.keys(httpPurgeDefaults), OPTION)
  const given = { ...httpPurgeDefaults, ...options }
  const timeout = parseDuration(given.timeout, `${OPTION}.timeout`)
  if (timeout === 0) throw new TypeError(`${OPTION}.timeout is 0, so that no call could be answered: write a time such as '5s'.`)
  return {
    timeout,
    wait: parseDuration(given.wait, `${OPTION}.wait`),
    rate: parseNumberAbove(given.rate, 0, `${OPTION}.rate`),
    burst: parseCount(given.burst, `${OPTION}.burst`),
    againAfter: parseDuration(given.againAfter, `${OPTION}.againAfter`),
  }
}

/** Addresses without a secret, which an error may show. */
function readUrls(text: string | undefined): string[] {
  return (text ?? '').split(',').map(part => part.trim()).filter(Boolean).map((part) => {
    const url = URL.canParse(part) ? new URL(part) : undefined
    if (!url || !/^https?:$/.test(url.protocol)) throw new TypeError(`${OPTION}.url holds what is no address: write addresses such as 'http://varnish:6081', separated by commas.`)
    if (url.username || url.password) throw new TypeError(`${OPTION}.url holds a user or password, which no call could send: set NUXT_SCALE_HTTP_PURGE_TOKEN.`)
    return url.href.replace(/\/$/, '')
  })
}
