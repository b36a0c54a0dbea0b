/**
 * Response headers in which a shared cache is told more than the browser: how long it may keep a response, and the tags by which it is purged.
 * A response that must not be shared has none of them, since some overrule `Cache-Control`.
 */
export const SHARED_CACHE_HEADERS: readonly string[] = [
  'cdn-cache-control', 'x-accel-expires', 'cloudflare-cdn-cache-control', 'surrogate-control', 'netlify-cdn-cache-control', 'vercel-cdn-cache-control',
  'surrogate-key', 'cache-tag', 'netlify-cache-tag', 'vercel-cache-tag',
]
