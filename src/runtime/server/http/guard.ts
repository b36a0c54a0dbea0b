import type { ServerResponse } from 'node:http'
import { addVary } from '../before-headers'
import { responseTagsOf } from '../response-tags'
import { SHARED_CACHE_HEADERS } from '../shared-cache-headers'
import { sharedLifetimeOf } from '../shared-lifetime'
import type { CachePolicy, CdnTarget } from './policy'
import { cacheClasses, cacheControlOf, cdnControlOf, cdnHeaders, policyOfRoute } from './policy'
import type { ResolvedHttpRule } from './settings'
import type { TagFormat } from './tag-header'
import { tagHeaderOf } from './tag-header'

/** What is known of a request before it is answered. */
export interface GuardedRequest {
  rule: ResolvedHttpRule | undefined
  /** It has `Authorization`, or another header of `scale.http.credentialHeaders`. */
  hasCredentials: boolean
  /** It has a cookie of a session. */
  hasSession: boolean
  /** A file that is the same for everybody; and one whose name is a hash of what it holds. */
  isPublicFile: boolean
  isBuildFile: boolean
}

const PERSONAL = 'private, no-store'
/** A browser asks anew each time, and nobody else keeps it: what no purge would find must not be kept where only a purge reaches. */
const UNTAGGED = 'private, no-cache'

/**
 * Says who may store a response, now that it is known what it holds. What must not be shared is not, whoever said otherwise;
 * a `Cache-Control` that the handler, a route rule or the cache has set is kept where it may be.
 */
export function guardResponse(response: ServerResponse, request: GuardedRequest, cdn: CdnTarget | undefined): void {
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
 * Names the tags of a response to the shared cache in front, if it may keep it at all.
 * With more tags than that cache can take it keeps nothing, since a purge by one that is missing would leave an old copy there.
 *
 * @returns false when there were too many
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

/** Whether a shared cache could store a response that says so (RFC 9111 §3, §5.2.2). */
function mayBeShared(cacheControl: string): boolean {
  return !/(?:^|[\s,])(?:private|no-store)(?:$|[\s,])/i.test(cacheControl)
}

function withdraw(response: ServerResponse): void {
  for (const name of SHARED_CACHE_HEADERS) response.removeHeader(name)
}
