import type { SharedLifetime } from '../shared-lifetime'

/** What a response may be cached for, and by whom. Seconds. */
export interface CachePolicy {
  /** `public`: by everybody. `private`: by the browser alone. `none`: by nobody. */
  scope: 'public' | 'private' | 'none'
  /** How long a browser may use it. */
  maxAge: number
  /** How long a shared cache may; undefined: as long as a browser. */
  sharedMaxAge?: number
  /** How long after that an old copy may be served while a new one is fetched (RFC 5861). */
  staleWhileRevalidate?: number
  /** How long after that an old copy may be served while there is no new one (RFC 5861). */
  staleIfError?: number
  /** It never changes under its address (RFC 8246). */
  immutable?: boolean
}

/** Kinds of responses, by what may be done with them. */
export const cacheClasses = {
  'immutable': { scope: 'public', maxAge: 31_536_000, immutable: true },
  'static': { scope: 'public', maxAge: 3600 },
  'page': { scope: 'public', maxAge: 300, staleWhileRevalidate: 300 },
  'api': { scope: 'private', maxAge: 60 },
  'private': { scope: 'private', maxAge: 0 },
  'no-store': { scope: 'none', maxAge: 0 },
} as const satisfies Record<string, CachePolicy>

export type CacheClass = keyof typeof cacheClasses

/** What a shared cache may do with the responses of a cached route. Browsers ask again each time: no invalidation reaches them. */
export function policyOfRoute({ fresh, stale }: SharedLifetime): CachePolicy {
  const staleWhileRevalidate = Math.floor(stale) || undefined
  return { scope: 'public', maxAge: 0, sharedMaxAge: Math.floor(fresh), staleWhileRevalidate }
}

/**
 * `Cache-Control` for everybody on the way to the browser.
 *
 * Stale directives are in it only where somebody who reads no other header may need them: a browser that may keep the response, nginx,
 * and a shared cache of which nothing is known. `must-revalidate` then keeps a browser that may not keep the response from using them.
 * It says so to every cache (RFC 9111 §5.2.2.2), so it is left out where `s-maxage` has said enough.
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

/** The shared cache in front, which wants to be told in a header of its own. */
export type CdnTarget = 'generic' | 'nginx' | 'cloudflare' | 'fastly' | 'netlify' | 'vercel'

/** The header of each target (`CDN-Cache-Control`: RFC 9213). Whoever stands behind the target does not see it. */
export const cdnHeaders = {
  generic: 'cdn-cache-control',
  nginx: 'x-accel-expires',
  cloudflare: 'cloudflare-cdn-cache-control',
  fastly: 'surrogate-control',
  netlify: 'netlify-cdn-cache-control',
  vercel: 'vercel-cdn-cache-control',
} as const satisfies Record<CdnTarget, string>

/**
 * What the shared cache in front is told.
 *
 * @param age of the response in seconds. nginx alone needs it here: it does not read `Age`
 * @returns undefined when it must not store the response
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
