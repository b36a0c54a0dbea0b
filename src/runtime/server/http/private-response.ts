import type { ServerResponse } from 'node:http'
import { addVary } from '../request/before-headers'
import { responseTagsOf } from '../cache/response-tags'
import { SHARED_CACHE_HEADERS } from '../request/cache-control'
import { sharedLifetimeOf } from '../request/shared-lifetime'
import type { CachePolicy, CdnTarget } from './policy'
import { cacheClasses, cacheControlOf, cdnControlOf, cdnHeaders, policyOfRoute } from './policy'
import type { ResolvedHttpRule } from './settings'
import type { TagFormat } from './tag-header'
import { tagHeaderOf } from './tag-header'

/** Properties of a request that are known before it is answered. */
export interface GuardedRequest {
  rule: ResolvedHttpRule | undefined
  /** The request has `Authorization`, or another header of `scale.http.credentialHeaders`. */
  hasCredentials: boolean
  /** The request has a session cookie. */
  hasSession: boolean
  /** The path is a public file, which is the same for all visitors. */
  isPublicFile: boolean
  /** The path is a build file, whose name contains a hash of its content. */
  isBuildFile: boolean
}

const PERSONAL = 'private, no-store'
/** A response with too many tags: a purge could not find it, so no shared cache may store it and browsers must revalidate it. */
const UNTAGGED = 'private, no-cache'

/**
 * Sets the caching headers just before a response is sent, once its contents are known.
 * A personal response is never shared, even if the handler or a rule says so.
 * Otherwise, a `Cache-Control` from the handler, a route rule or the cache stays.
 */
export function guardPrivateResponse(response: ServerResponse, request: GuardedRequest, cdn: CdnTarget | undefined): void {
  const { rule } = request
  if (rule?.policy.scope === 'none') {
    response.setHeader('cache-control', rule.cacheControl)
    withdraw(response)
    return
  }
  const given = response.getHeader('cache-control')
  const isPersonal = response.hasHeader('set-cookie') || request.hasCredentials || (request.hasSession && !request.isPublicFile)
  if (isPersonal) {
    if (given === undefined || mayBeShared(String(given))) response.setHeader('cache-control', PERSONAL)
    withdraw(response)
    return
  }
  const { statusCode } = response
  const failed = (statusCode < 200 || statusCode >= 300) && statusCode !== 304
  if (failed && (given === undefined || statusCode >= 400)) {
    response.setHeader('cache-control', PERSONAL)
    withdraw(response)
    return
  }
  if (given === undefined) {
    if (rule) applyRule(response, request, rule, cdn)
    return
  }
  const lifetime = cdn && sharedLifetimeOf(response)
  if (lifetime) {
    const policy = policyOfRoute(lifetime)
    response.setHeader('cache-control', cacheControlOf(policy, cdn))
    tellCdn(response, policy, cdn)
  }
}

function applyRule(response: ServerResponse, { isBuildFile }: GuardedRequest, rule: ResolvedHttpRule, cdn: CdnTarget | undefined): void {
  const isStatic = rule.hashedOnly && !isBuildFile
  const policy = isStatic ? cacheClasses.static : rule.policy
  response.setHeader('cache-control', isStatic ? cacheControlOf(policy) : rule.cacheControl)
  addVary(response, rule.vary)
  if (cdn) tellCdn(response, policy, cdn)
}

function tellCdn(response: ServerResponse, policy: CachePolicy, cdn: CdnTarget): void {
  const shared = cdnControlOf(policy, cdn, Number(response.getHeader('age')) || 0)
  if (shared !== undefined) response.setHeader(cdnHeaders[cdn], shared)
}

/**
 * Sends the tags of a response to the shared cache in front of the app, if that cache may store the response.
 * If there are more tags than the cache accepts, it must not store the response:
 * a purge by a tag that was not sent would leave an old copy.
 *
 * @returns false if there were too many tags
 */
export function tagResponse(response: ServerResponse, scope: string, format: TagFormat): boolean {
  const tags = responseTagsOf(response)
  if (tags === undefined || !mayBeShared(String(response.getHeader('cache-control') ?? ''))) return true
  const value = tagHeaderOf(tags, scope, format, response.getHeader(format.header)?.toString())
  if (value === undefined) {
    response.setHeader('cache-control', UNTAGGED)
    withdraw(response)
    return false
  }
  if (value !== '') response.setHeader(format.header, value)
  return true
}

/** Returns whether this `Cache-Control` lets a shared cache store the response (RFC 9111 §3, §5.2.2). */
function mayBeShared(cacheControl: string): boolean {
  return !/(?:^|[\s,])(?:private|no-store)(?:$|[\s,])/i.test(cacheControl)
}

function withdraw(response: ServerResponse): void {
  for (const name of SHARED_CACHE_HEADERS) response.removeHeader(name)
}
