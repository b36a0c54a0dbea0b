/**
 * Text of the type template that adds our options to Nitro's, so that `cachedEventHandler(…, { tags })`,
 * `defineCachedFunction(…, { tags })` and `routeRules` `cache` are checked and completed.
 */
export const nitroCacheTypes = `import type { H3Event } from 'h3'

interface ScaleCacheOptions<Arguments extends unknown[]> {
  /** Hears where what is cached came from, once a call. Route rules cannot carry it. */
  onSource?: (source: 'l1' | 'l2' | 'stale' | 'loader' | 'uncacheable', ...args: Arguments) => void
  /** Tags by which \`invalidateCacheTags\` finds what is cached. In route rules: a list. */
  tags?: readonly string[] | ((...args: Arguments) => readonly string[] | Promise<readonly string[]>)
}

interface ScaleRouteOptions {
  /** The only query names that are part of the key and that the handler sees; \`false\` or \`[]\` for none. Default: all. */
  allowQuery?: readonly string[] | false
  /** Requests that go past the cache: those with one of these cookies or headers, or those of which a function says so. In route rules: the lists. */
  bypass?: { cookies?: readonly string[], headers?: readonly string[] } | ((event: H3Event) => boolean | Promise<boolean>)
}

declare module 'nitropack/types' {
  interface CacheOptions<T = any, ArgsT extends unknown[] = any[]> extends ScaleCacheOptions<ArgsT> {}
  interface CachedEventHandlerOptions<T = any> extends ScaleRouteOptions {}
}

declare module 'nitropack' {
  interface CacheOptions<T = any, ArgsT extends unknown[] = any[]> extends ScaleCacheOptions<ArgsT> {}
  interface CachedEventHandlerOptions<T = any> extends ScaleRouteOptions {}
}

export {}
`
