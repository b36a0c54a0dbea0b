import type { EventHandler, H3Event } from 'h3'
import type { CacheEngine, CacheReads, CacheSource } from '../types'
import { countReads } from '../count-reads'
import { encodeTarget } from '../../core/paths'
import { storageLimitsOf } from './cacheability'
import { deliver } from './deliver'
import { refreshHooks } from './host'
import type { NitroCacheHost } from './host'
import { filterTarget, routeKey } from './keys'
import { resolveLifetime } from './lifetime'
import type { Lifetime } from './lifetime'
import { claimName, integrityOf, namespaceOf } from './names'
import { renderResponse } from './render'
import type { LiveResponse } from './render'
import { hasCookie, requestHeader } from './request'
import type { RequestView } from './request'
import { responseSerializer } from './response'
import type { CachedResponse } from './response'
import type { BuildFacts, CachedRouteOptions } from './types'
import { nameResponseTags, noteStoredTags, wantsResponseTags } from '../response-tags'

const NO_TAGS: readonly string[] = []

/** Values that are computed once per cached handler. */
interface Plan {
  handler: EventHandler
  options: CachedRouteOptions
  build: BuildFacts
  integrity: string
  namespace: string | undefined
  /** Lower-case and sorted. */
  varies: readonly string[]
  allowQuery: readonly string[] | undefined
  reads: CacheReads
}

/**
 * Creates a handler whose responses the engine caches. For a missing key the handler runs once in the whole cluster.
 * Options and behaviour are those of Nitro's `defineCachedEventHandler`. Where Nitro 2 differs from its documentation,
 * the documentation applies.
 */
export function createCachedEventHandler(
  handler: EventHandler, options: CachedRouteOptions, host: NitroCacheHost, build: BuildFacts = { pageRoutes: [] },
): EventHandler {
  let plan: Plan | undefined
  return async (event) => {
    plan ??= makePlan(handler, options, build)
    const lifetime = resolveLifetime(options, host.settings().staleMaxAge)
    const bypassed = !lifetime || await isBypassed(event, options)
    if (!bypassed && !options.headersOnly) return answer(event, plan, lifetime, host)
    // The engine does not cache this response, but a CDN may, and needs its tags.
    if (wantsResponseTags() && isRead(event)) nameResponseTags(event.node.res, await tagsOf(event, options))
    plan.reads.bypass.record(1)
    return bypassed ? handler(event) : sendHeadersOnly(event, plan)
  }
}

function isRead({ method }: H3Event): boolean {
  return method === 'GET' || method === 'HEAD'
}

function tagsOf(event: H3Event, { tags }: CachedRouteOptions): readonly string[] | Promise<readonly string[]> {
  return typeof tags === 'function' ? tags(event) : tags ?? NO_TAGS
}

/** Computes the plan. Runs at the first request, because routes are wrapped while modules are still being evaluated. */
function makePlan(handler: EventHandler, options: CachedRouteOptions, build: BuildFacts): Plan {
  return {
    handler,
    options,
    build,
    integrity: integrityOf(handler, options),
    namespace: namespaceOf(options),
    varies: [...new Set((options.varies ?? []).filter(Boolean).map(name => name.toLowerCase()))].sort(),
    reads: countReads(options.group === 'nitro/routes' ? 'route' : 'handler', options.name),
    allowQuery: options.allowQuery === false ? [] : options.allowQuery,
  }
}

async function isBypassed(event: H3Event, { bypass, shouldBypassCache }: CachedRouteOptions): Promise<boolean> {
  const { req } = event.node
  if (!isRead(event) || req.headers.range !== undefined) return true
  if (typeof bypass === 'function' ? await bypass(event) : matchesRule(event, bypass)) return true
  return Boolean(await shouldBypassCache?.(event))
}

function matchesRule(event: H3Event, rule: Exclude<CachedRouteOptions['bypass'], (event: H3Event) => unknown>): boolean {
  if (!rule) return false
  const { req } = event.node
  return (rule.headers ?? []).some(name => requestHeader(req, name.toLowerCase()) !== undefined)
    || (rule.cookies ?? []).some(name => hasCookie(req, name))
}

function sendHeadersOnly(event: H3Event, { handler, options }: Plan): unknown {
  const age = options.maxAge === undefined ? '' : `, max-age=${options.maxAge}, s-maxage=${options.maxAge}`
  event.node.res.setHeader('cache-control', `public${age}`)
  return handler(event)
}

async function answer(event: H3Event, plan: Plan, lifetime: Lifetime, host: NitroCacheHost): Promise<unknown> {
  const { options, varies, integrity } = plan
  const settings = host.settings()
  const view = viewOf(event, plan)
  const key = await keyOf(event, plan, view, host)
  if (await options.shouldInvalidateCache?.(event)) await host.engine().invalidate(key)

  let source = 'loader' as CacheSource
  let stored = NO_TAGS
  let answered = false
  const response: LiveResponse = await host.engine().get<CachedResponse>(key, async (context) => {
    const live = await renderResponse({ handler: plan.handler, event, view, varies, integrity, context, cacheOptions: options }, host)
    // In a background refresh no client reads the stream of a body that is too large to store.
    if (answered && live.body instanceof ReadableStream) await live.body.cancel()
    // A response that cannot be stored goes to this caller alone, so its body may be a stream.
    return live as CachedResponse
  }, {
    ttl: lifetime.fresh,
    staleTtl: lifetime.stale,
    tags: await tagsOf(event, options),
    serializer: responseSerializer,
    reads: plan.reads,
    // A response that must not be stored is never stored, so only the integrity of a hit is checked.
    validate: response => response.integrity === integrity,
    onSource: (found, tags) => {
      source = found
      stored = tags
    },
    ...refreshHooks(host, event),
  })
  answered = true

  const cacheable = (source !== 'loader' && source !== 'uncacheable') || isStorable(response, varies, Number.POSITIVE_INFINITY)
  if (!cacheable) source = 'uncacheable'
  options.onSource?.(source, event)
  if (wantsResponseTags()) noteStoredTags(event.node.res, key, stored)
  return deliver(event, response, {
    cacheable,
    source,
    lifetime,
    varies,
    debug: settings.debugHeaders,
    splitCookies: host.splitCookies,
  })
}

function isStorable({ status, headers, body }: LiveResponse, varies: readonly string[], limit: number): boolean {
  if (body === undefined || body instanceof ReadableStream) return false
  return (body?.length ?? 0) <= limit && storageLimitsOf(status, headers, varies) !== undefined
}

function viewOf(event: H3Event, { varies, allowQuery }: Plan): RequestView {
  const { req } = event.node
  const original = 'originalUrl' in req && typeof req.originalUrl === 'string' ? req.originalUrl : req.url ?? event.path
  const headers: RequestView['headers'] = {}
  for (const name of varies) {
    const value = req.headers[name]
    if (value !== undefined) headers[name] = value
  }
  return { url: filterTarget(event.path, allowQuery), originalUrl: filterTarget(encodeTarget(original), allowQuery), headers }
}

async function keyOf(event: H3Event, plan: Plan, view: RequestView, host: NitroCacheHost): Promise<string> {
  const customKey = await plan.options.getKey?.(event)
  const route: string | undefined = event.context.matchedRoute?.path
  const isPage = plan.options.group === 'nitro/routes' && route !== undefined && plan.build.pageRoutes.includes(route)
  return routeKey({
    target: view.originalUrl,
    route,
    namespace: plan.namespace,
    owner: ownerOf(host.engine(), plan, route, Boolean(customKey)),
    varies: plan.varies.map(name => [name, requestHeader(event.node.req, name)] as const),
    build: isPage ? host.buildId() : undefined,
    customKey: customKey ? String(customKey) : undefined,
  })
}

/** Distinguishes two cached handlers with the same route or name. Without a route, the integrity is the only distinction. */
function ownerOf(engine: CacheEngine, { namespace, integrity }: Plan, route: string | undefined, isCustom: boolean): string {
  if (isCustom && namespace) return claimName(engine, `route ${namespace}`, integrity)
  return route === undefined ? `~${integrity}` : claimName(engine, `route ${route}`, integrity)
}
