import type { SharedLifetime } from '../request/shared-lifetime'

/** Which caches may store a response, and for how long. All times are in seconds. */
export interface CachePolicy {
  /** `public`: browsers and shared caches may store it. `private`: only the browser may. `none`: no cache may. */
  scope: 'public' | 'private' | 'none'
  /** How long a browser may use the response. */
  maxAge: number
  /** How long a shared cache may use it. @default maxAge */
  sharedMaxAge?: number
  /** How long after its lifetime an old copy may be served while a new one is fetched (RFC 5861). */
  staleWhileRevalidate?: number
  /** How long after its lifetime an old copy may be served while the app answers with errors (RFC 5861). */
  staleIfError?: number
  /** The response at this URL never changes (RFC 8246). */
  immutable?: boolean
}

/** Named policies, one for each class of responses. */
export const cacheClasses = {
  'immutable': { scope: 'public', maxAge: 31_536_000, immutable: true },
  'static': { scope: 'public', maxAge: 3600 },
  'page': { scope: 'public', maxAge: 300, staleWhileRevalidate: 300 },
  'api': { scope: 'private', maxAge: 60 },
  'private': { scope: 'private', maxAge: 0 },
  'no-store': { scope: 'none', maxAge: 0 },
} as const satisfies Record<string, CachePolicy>

export type CacheClass = keyof typeof cacheClasses

/** Returns the policy for responses of a cached route. Browsers revalidate each time, because invalidations do not reach them. */
export function policyOfRoute({ fresh, stale }: SharedLifetime): CachePolicy {
  const staleWhileRevalidate = Math.floor(stale) || undefined
  return { scope: 'public', maxAge: 0, sharedMaxAge: Math.floor(fresh), staleWhileRevalidate }
}

/**
 * Returns the `Cache-Control` for browsers and all caches on the way.
 *
 * It contains stale directives only for readers that have no other header for them: a browser that may store the response, nginx,
 * and an unknown shared cache. `must-revalidate` prevents a browser that may not store the response from using these directives.
 * `must-revalidate` applies to every cache (RFC 9111 §5.2.2.2), so it is left out if `s-maxage` is enough.
 */
export function cacheControlOf(policy: CachePolicy, cdn?: CdnTarget): string {
  if (policy.scope === 'none') return 'no-store'
  const { scope, maxAge, sharedMaxAge, immutable } = policy
  const shared = scope === 'public' && sharedMaxAge !== undefined
  const stale = maxAge > 0 || cdn === undefined || cdn === 'nginx' ? staleDirectives(policy) : []
  return [
    scope,
    `max-age=${maxAge}`,
    ...shared ? [`s-maxage=${sharedMaxAge}`] : [],
    ...stale,
    ...maxAge === 0 && (!shared || stale.length > 0) ? ['must-revalidate'] : [],
    ...immutable ? ['immutable'] : [],
  ].join(', ')
}

function staleDirectives({ staleWhileRevalidate, staleIfError }: CachePolicy): string[] {
  return [
    ...staleWhileRevalidate === undefined ? [] : [`stale-while-revalidate=${staleWhileRevalidate}`],
    ...staleIfError === undefined ? [] : [`stale-if-error=${staleIfError}`],
  ]
}

/** The shared cache in front of the app. Each target reads a header of its own. */
export type CdnTarget = 'generic' | 'nginx' | 'cloudflare' | 'fastly' | 'netlify' | 'vercel'

/** The header that the CDN reads (`CDN-Cache-Control`: RFC 9213). The CDN does not forward it to browsers. */
export const cdnHeaders = {
  generic: 'cdn-cache-control',
  nginx: 'x-accel-expires',
  cloudflare: 'cloudflare-cdn-cache-control',
  fastly: 'surrogate-control',
  netlify: 'netlify-cdn-cache-control',
  vercel: 'vercel-cdn-cache-control',
} as const satisfies Record<CdnTarget, string>

/**
 * Returns the value of the header that the CDN reads.
 *
 * @param age age of the response in seconds. Only nginx needs it here, because it does not read `Age`
 * @returns undefined if the CDN must not store the response
 */
export function cdnControlOf(policy: CachePolicy, target: CdnTarget, age = 0): string | undefined {
  const seconds = policy.sharedMaxAge ?? policy.maxAge
  if (policy.scope !== 'public' || seconds === 0) return undefined
  if (target === 'nginx') return String(Math.max(0, seconds - age))
  return [
    ...target === 'fastly' ? [] : ['public'],
    `max-age=${seconds}`,
    ...staleDirectives(policy),
    ...target === 'netlify' ? ['durable'] : [],
  ].join(', ')
}
