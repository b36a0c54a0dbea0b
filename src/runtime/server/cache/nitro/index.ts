import type { EventHandler, H3Event } from 'h3'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createEvent, defineEventHandler, fetchWithEvent, splitCookiesString, useNitroApp, useRuntimeConfig } from '../../nitro'
import { nitroCacheSettings, useCacheEngine } from '../service'
import { createCachedFunction } from './function'
import { createCachedEventHandler } from './handler'
import type { NitroCacheHost } from './host'
import type { BuildFacts, CachedFunctionOptions, CachedRouteOptions } from './types'

// This file is part of an import cycle: Nitro's app module imports it and calls it during its own evaluation.
// Top-level constants may not be initialized then, so this file contains function declarations only.

/** Nitro's `defineCachedFunction`, on the engine of nuxt-scale. */
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
 * Nitro's `defineCachedEventHandler`, on the engine of nuxt-scale. `routeRules` `cache` and `swr` call it, too.
 *
 * @param build passed by generated code, not by the app
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
    settings: () => import.meta.dev ? { ...nitroCacheSettings(), debugHeaders: true } : nitroCacheSettings(),
    buildId: () => String(useRuntimeConfig().app.buildId ?? ''),
    captureError: (error, event) => useNitroApp().captureError(error, { event, tags: ['cache'] }),
    createEvent: createNitroEvent,
    splitCookies: splitCookiesString,
  }
}

function createNitroEvent(request: IncomingMessage, response: ServerResponse): H3Event {
  const event = createEvent(request, response)
  event.fetch = (target, init) => fetchWithEvent(event, target, init, { fetch: useNitroApp().localFetch as typeof fetch })
  event.$fetch = ((target: string, init?: RequestInit) => fetchWithEvent(event, target, init, {
    fetch: globalThis.$fetch as unknown as typeof fetch,
  })) as typeof event.$fetch
  return event
}
