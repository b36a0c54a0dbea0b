import { parseDuration } from '../duration'
import { parseChoice, refuseOtherThanObject, refuseUnknownKeys } from '../settings'
import type { Duration } from '../cache/types'

/** `scale.health`: one route that says whether this instance can serve. */
export interface HealthModuleOptions {
  /**
   * Route of the check. Decided at build.
   * @default '/api/health'
   */
  path?: string
  /**
   * Deadline of one check; past it the check has failed.
   * @default '1s'
   * @env NUXT_SCALE_HEALTH_TIMEOUT
   */
  timeout?: Duration
  /**
   * How long an answer is used again, so that many probes cost one check.
   * @default '1s'
   * @env NUXT_SCALE_HEALTH_CACHE_TTL
   */
  cacheTtl?: Duration
  /**
   * Who sees the single checks and the system information: nobody, callers with `Authorization: Bearer <token>`, everybody.
   * @default 'never'
   * @env NUXT_SCALE_HEALTH_DETAILS
   */
  details?: 'never' | 'token' | 'always'
  /**
   * The token for `details: 'token'`. Set it where the server starts.
   * @default ''
   * @env NUXT_SCALE_HEALTH_TOKEN
   */
  token?: string
}

export const healthDefaults = { path: '/api/health', timeout: '1s', cacheTtl: '1s', details: 'never', token: '' } as const satisfies HealthModuleOptions

export interface HealthSettings {
  path: string
  timeout: number
  cacheTtl: number
  details: 'never' | 'token' | 'always'
  token: string
}

/** @throws Error naming the option that is wrong */
export function resolveHealthSettings(options: HealthModuleOptions = {}): HealthSettings {
  const room = 'scale.health'
  refuseOtherThanObject(options, room)
  refuseUnknownKeys(options, Object.keys(healthDefaults), room)
  const { path, timeout, cacheTtl, details, token } = { ...healthDefaults, ...options }
  if (typeof path !== 'string' || !/^\/[^\s?#]*$/.test(path)) throw new TypeError(`${room}.path is ${JSON.stringify(path)}: write a path that begins with /, such as '/api/health'.`)
  return {
    path,
    timeout: parseDuration(timeout, `${room}.timeout`),
    cacheTtl: parseDuration(cacheTtl, `${room}.cacheTtl`),
    details: parseChoice(details, ['never', 'token', 'always'], `${room}.details`),
    token: String(token),
  }
}
