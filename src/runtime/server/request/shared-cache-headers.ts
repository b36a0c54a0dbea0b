/**
 * Response headers for shared caches only: how long they may store a response, and the tags by which it is purged.
 * They are removed from a response that must not be shared, because some of them override `Cache-Control`.
 */
export const SHARED_CACHE_HEADERS: readonly string[] = [
  'cdn-cache-control', 'x-accel-expires', 'cloudflare-cdn-cache-control', 'surrogate-control',
  'netlify-cdn-cache-control', 'vercel-cdn-cache-control',
  'surrogate-key', 'cache-tag', 'netlify-cache-tag', 'vercel-cache-tag',
]
