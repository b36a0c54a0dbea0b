import type { H3Event } from 'h3'
import type { CacheSource } from '../types'

/** A cached value, as Nitro's options `validate` and `transform` receive it. */
export interface CachedEntry<T = unknown> {
  value?: T
  /** When the value was loaded, in milliseconds since 1970. */
  mtime?: number
  /** When the value stops being fresh, in milliseconds since 1970. */
  expires?: number
  /** Hash of the code and options that made the value. */
  integrity?: string
}

/** How long a cached function or route keeps its values. */
export interface LifetimeOptions {
  /**
   * How long a value is fresh, in seconds. 0 caches nothing.
   * @default 1
   */
  maxAge?: number
  /**
   * Serves the old value at once while one process reloads it (stale-while-revalidate).
   * @default true
   */
  swr?: boolean
  /**
   * How long after `maxAge` the old value is served under `swr`, in seconds. `-1` means the default.
   * @default `scale.cache.staleMaxAge` (one day)
   */
  staleMaxAge?: number
}

/** Options that name a cached function or route. */
export interface NamingOptions {
  /** Part of the key. Set it when a function has no name, or when a route has a `getKey`. */
  name?: string
  /** Part of the key, before `name`. */
  group?: string
  /** Part of the key, before `group`. Nitro's default `/cache` is left out. */
  base?: string
  /**
   * An entry with another integrity is a miss.
   * @default a hash of the code and the options
   */
  integrity?: unknown
}

/** Options of `defineCachedFunction`: those of Nitro, `tags` and `onSource`. */
export interface CachedFunctionOptions<T = unknown, Arguments extends unknown[] = unknown[]> extends LifetimeOptions, NamingOptions {
  /**
   * Returns the key of a call.
   * @default the serialized arguments
   */
  getKey?: (...args: Arguments) => string | Promise<string>
  /** Transforms the entry to the result of the call, at every call. If it returns `undefined`, the value stays as it is. */
  transform?: (entry: CachedEntry<T>, ...args: Arguments) => unknown
  /**
   * Accepts or rejects an entry. A rejected hit is a miss; a rejected loaded value is not stored.
   * The value `undefined` is always rejected.
   */
  validate?: (entry: CachedEntry<T>, ...args: Arguments) => boolean
  /** If it returns true, the stored value is invalidated before this call. */
  shouldInvalidateCache?: (...args: Arguments) => boolean | Promise<boolean>
  /** If it returns true, the function runs without the cache. */
  shouldBypassCache?: (...args: Arguments) => boolean | Promise<boolean>
  /** Tags by which `invalidateCacheTags` finds the value. */
  tags?: readonly string[] | ((...args: Arguments) => readonly string[] | Promise<readonly string[]>)
  /** Called once per call with the source of the value. */
  onSource?: (source: CacheSource, ...args: Arguments) => void
}

/** Requests that bypass the cache, as data that route rules can contain. */
export interface BypassRule {
  /** Names of cookies. A request with one of them bypasses the cache. */
  cookies?: readonly string[]
  /** Names of request headers. A request with one of them bypasses the cache. */
  headers?: readonly string[]
}

/** Options of `defineCachedEventHandler` and of `routeRules` `cache`: those of Nitro, `tags`, `allowQuery`, `bypass` and `onSource`. */
export interface CachedRouteOptions extends LifetimeOptions, NamingOptions {
  /** Returns the key of a request, which replaces its path and query. If it returns an empty value, path and query are used. */
  getKey?: (event: H3Event) => string | undefined | Promise<string | undefined>
  /** If it returns true, the stored response is invalidated before this request. */
  shouldInvalidateCache?: (event: H3Event) => boolean | undefined | Promise<boolean | undefined>
  /** If it returns true, the handler runs without the cache. */
  shouldBypassCache?: (event: H3Event) => boolean | undefined | Promise<boolean | undefined>
  /** Request headers that the handler may read. Each one is part of the key and of the `Vary` response header. */
  varies?: readonly string[]
  /** Only sends `Cache-Control`; nuxt-scale caches nothing. */
  headersOnly?: boolean
  /** Tags by which `invalidateCacheTags` finds the response. */
  tags?: readonly string[] | ((event: H3Event) => readonly string[] | Promise<readonly string[]>)
  /**
   * Query parameters that are part of the key and visible to the handler; `false` or `[]` for none.
   * @default all query parameters
   */
  allowQuery?: readonly string[] | false
  /** Requests that bypass the cache: those with one of these cookies or headers, or those for which the function returns true. */
  bypass?: BypassRule | ((event: H3Event) => boolean | Promise<boolean>)
  /** Called with the source of the response, before it is sent. */
  onSource?: (source: CacheSource, event: H3Event) => void
}

/** Information that only the build has. */
export interface BuildFacts {
  /** Routes of Nuxt's page renderer, in the syntax of the router. */
  pageRoutes: readonly string[]
}
