import type { H3Event } from 'h3'
import type { CacheSource } from '../types'

/** A cached value as `validate` and `transform` of Nitro's options see it. */
export interface CachedEntry<T = unknown> {
  value?: T
  /** When the value was loaded, in milliseconds since 1970. */
  mtime?: number
  /** When the value stops being fresh, in milliseconds since 1970. */
  expires?: number
  /** Hash of the code and options that made the value. */
  integrity?: string
}

/** How long one cached function or route keeps its values. */
export interface LifetimeOptions {
  /** Seconds for which a value is fresh. 0 caches nothing. Default: 1. */
  maxAge?: number
  /** Serve the old value at once while one process reloads it. Default: true. */
  swr?: boolean
  /** Seconds after `maxAge` in which the old value is served under `swr`; `-1` means as long as `scale.cache.staleMaxAge`, which is also the default (one day). */
  staleMaxAge?: number
}

/** What a cached function and a cached route have in common. */
export interface NamingOptions {
  /** Part of the key. Give one when a function has no name, or when a route has a `getKey`. */
  name?: string
  /** Part of the key, before `name`. */
  group?: string
  /** Part of the key, before `group`. Nitro's own value `/cache` adds nothing. */
  base?: string
  /** Entries of another integrity are misses. Default: a hash of the code and the options. */
  integrity?: unknown
}

/** Options of `defineCachedFunction`: Nitro's, and `tags`. */
export interface CachedFunctionOptions<T = unknown, Arguments extends unknown[] = unknown[]> extends LifetimeOptions, NamingOptions {
  /** Key of a call. Default: the arguments, spelled out. */
  getKey?: (...args: Arguments) => string | Promise<string>
  /** Turns the entry into what the caller gets, at every call. `undefined` keeps the value. */
  transform?: (entry: CachedEntry<T>, ...args: Arguments) => unknown
  /** Refuses an entry: a refused hit is a miss, a refused load is not stored. `undefined` is always refused. */
  validate?: (entry: CachedEntry<T>, ...args: Arguments) => boolean
  /** True drops the stored value before this call. */
  shouldInvalidateCache?: (...args: Arguments) => boolean | Promise<boolean>
  /** True calls the function itself and stores nothing. */
  shouldBypassCache?: (...args: Arguments) => boolean | Promise<boolean>
  /** Tags by which `invalidateCacheTags` finds the value. */
  tags?: readonly string[] | ((...args: Arguments) => readonly string[] | Promise<readonly string[]>)
  /** Hears where the value of a call came from. */
  onSource?: (source: CacheSource, ...args: Arguments) => void
}

/** Requests that go past the cache, in a form that route rules can carry. */
export interface BypassRule {
  /** Names of cookies: a request with one of them goes past the cache. */
  cookies?: readonly string[]
  /** Names of headers: a request with one of them goes past the cache. */
  headers?: readonly string[]
}

/** Options of `defineCachedEventHandler` and of `routeRules` `cache`: Nitro's, and `tags`, `allowQuery`, `bypass`. */
export interface CachedRouteOptions extends LifetimeOptions, NamingOptions {
  /** Key of a request, in place of its path and query. An empty one falls back to them. */
  getKey?: (event: H3Event) => string | undefined | Promise<string | undefined>
  /** True drops the stored response before this request. */
  shouldInvalidateCache?: (event: H3Event) => boolean | undefined | Promise<boolean | undefined>
  /** True runs the handler itself and stores nothing. */
  shouldBypassCache?: (event: H3Event) => boolean | undefined | Promise<boolean | undefined>
  /** Headers that the handler may see, each of them part of the key and of `Vary`. */
  varies?: readonly string[]
  /** Cache nothing here; only send `Cache-Control`. */
  headersOnly?: boolean
  /** Tags by which `invalidateCacheTags` finds the response. */
  tags?: readonly string[] | ((event: H3Event) => readonly string[] | Promise<readonly string[]>)
  /** The only query names that are part of the key and that the handler sees; `false` or `[]` for none. Default: all. */
  allowQuery?: readonly string[] | false
  /** Requests that go past the cache. */
  bypass?: BypassRule | ((event: H3Event) => boolean | Promise<boolean>)
  /** Hears where the response came from, before it is sent. */
  onSource?: (source: CacheSource, event: H3Event) => void
}

/** What only the build knows. */
export interface BuildFacts {
  /** Routes that Nuxt's page renderer answers, as the router spells them. */
  pageRoutes: readonly string[]
}
