import type { EventHandler, H3Event } from 'h3'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createEvent, defineEventHandler, fetchWithEvent, splitCookiesString, useNitroApp, useRuntimeConfig } from '../../nitro'
import { cacheSettings, useCacheEngine } from '../runtime'
import { createCachedFunction } from './function'
import { createCachedEventHandler } from './handler'
import type { NitroCacheHost } from './host'
import type { BuildFacts, CachedFunctionOptions, CachedRouteOptions } from './types'

// Nitro's own app module imports this file and calls it while it is being evaluated itself, in a circle of imports.
// So nothing here may run, or be a constant that a definition needs, before the first request: functions only.

/** Nitro's `defineCachedFunction` on the engine. */
export function defineCachedFunction<T, Arguments extends unknown[]>(
  fn: (...args: Arguments) => T | Promise<T>, options: CachedFunctionOptions<T, Arguments> = {},
): (...args: Arguments) => Promise<T> {
  return createCachedFunction(fn, options, host())
}

/** Nitro's `cachedFunction`: another name for {@link defineCachedFunction}. */
export function cachedFunction<T, Arguments extends unknown[]>(
  fn: (...args: Arguments) => T | Promise<T>, options: CachedFunctionOptions<T, Arguments> = {},
): (...args: Arguments) => Promise<T> {
  return createCachedFunction(fn, options, host())
}

/**
 * Nitro's `defineCachedEventHandler` on the engine; also what `routeRules` `cache` and `swr` call.
 *
 * @param build filled in by the build
 */
export function defineCachedEventHandler(handler: EventHandler, options: CachedRouteOptions = {}, build?: BuildFacts): EventHandler {
  return defineEventHandler(createCachedEventHandler(handler, options, host(), build))
}

/** Nitro's `cachedEventHandler`: another name for {@link defineCachedEventHandler}. */
export function cachedEventHandler(handler: EventHandler, options: CachedRouteOptions = {}, build?: BuildFacts): EventHandler {
  return defineCachedEventHandler(handler, options, build)
}

function host(): NitroCacheHost {
  return {
    engine: useCacheEngine,
    settings: () => import.meta.dev ? { ...cacheSettings(), debugHeaders: true } : cacheSettings(),
    buildId: () => String(useRuntimeConfig().app.buildId ?? ''),
    captureError: (error, event) => useNitroApp().captureError(error, { event, tags: ['cache'] }),
    createEvent: createNitroEvent,
    splitCookies: splitCookiesString,
  }
}

function createNitroEvent(request: IncomingMessage, response: ServerResponse): H3Event {
  const event = createEvent(request, response)
  event.fetch = (target, init) => fetchWithEvent(event, target, init, { fetch: useNitroApp().localFetch as typeof fetch })
  event.$fetch = ((target: string, init?: RequestInit) => fetchWithEvent(event, target, init, { fetch: globalThis.$fetch as unknown as typeof fetch })) as typeof event.$fetch
  return event
}
