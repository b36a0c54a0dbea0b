/**
 * Source of the type template that adds the options of nuxt-scale to Nitro's types. TypeScript then checks and completes them in
 * `cachedEventHandler(…, { tags })`, `defineCachedFunction(…, { tags })` and `routeRules` `cache`.
 */
export const nitroCacheTypes = `import type { H3Event } from 'h3'

interface ScaleCacheOptions<Arguments extends unknown[]> {
  /** Called once per call with the source of the value. Not available in route rules. */
  onSource?: (source: 'l1' | 'l2' | 'stale' | 'loader' | 'uncacheable', ...args: Arguments) => void
  /** Tags by which \`invalidateCacheTags\` finds the entry. In route rules only a list. */
  tags?: readonly string[] | ((...args: Arguments) => readonly string[] | Promise<readonly string[]>)
}

interface ScaleRouteOptions {
  /**
   * Query parameters that are part of the key and visible to the handler; \`false\` or \`[]\` for none.
   * @default all query parameters
   */
  allowQuery?: readonly string[] | false
  /**
   * Requests that bypass the cache: those with one of these cookies or headers, or those for which the function returns true.
   * In route rules only the lists.
   */
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
