import { ambiguousExpression, expressionOf, probesExpression } from '../path-expressions'
import type { Topology } from '../topology'
import type { NginxNames } from './names'
import { headerVariable } from './names'
import type { Line } from './syntax'
import { block, comment, directive } from './syntax'
import { rate, size } from './units'

/** What nginx takes in the http block only: zones and maps. */
export function httpLines(topology: Topology, names: NginxNames): Line[] {
  return [
    ...cacheLines(topology, names),
    ...limitLines(topology, names),
    comment('A request without Upgrade keeps the connection to the instance open.'),
    block('map', ['$http_upgrade', names.connection], [directive('default', 'upgrade'), directive('', '')]),
    'blank',
    ...schemeLines(topology, names),
  ]
}

/** Matches a `Cache-Control` that forbids old copies (RFC 9111 §5.2.2.2, §5.2.2.8). */
const REVALIDATED = '~*(?:^|[ ,])(?:must|proxy)-revalidate(?:[ ,]|$)'

function cacheLines({ cache, sessionCookies, credentialHeaders }: Topology, names: NginxNames): Line[] {
  if (!cache) return []
  return [
    directive('proxy_cache_path', cache.path, 'levels=1:2', `keys_zone=${names.cacheZone}:${size(cache.memory)}`, `max_size=${size(cache.size)}`, `inactive=${Math.ceil(cache.inactive / 1000)}s`, 'use_temp_path=off'),
    'blank',
    comment('Whose request it is: what is for one is neither taken from the cache nor put there.'),
    block('map', ['$http_cookie', names.session], [directive('default', '0'), ...sessionCookies.length > 0 ? [directive(cookieExpression(sessionCookies), '1')] : []]),
    block('map', [credentialHeaders.map(headerVariable).join(''), names.personal], [directive('', names.session), directive('default', '1')]),
    'blank',
    comment('nginx serves stored copies while the app fails, so it stores no answer that forbids old copies.'),
    comment('X-Accel-Expires is for nginx alone: with it, Cache-Control is for the browser.'),
    block('map', ['$upstream_http_cache_control', names.revalidated], [directive('default', '0'), directive(REVALIDATED, '1')]),
    block('map', ['$upstream_http_x_accel_expires', names.unstored], [directive('', names.revalidated), directive('default', '0')]),
    'blank',
  ]
}

/** Matches a Cookie header in which one of the names stands. nginx joins several such headers. */
export function cookieExpression(patterns: readonly string[]): string {
  const names = patterns.map(pattern => pattern.replaceAll('.', '[.]').replaceAll('*', '[^=; ]*'))
  return `~*(?:^|[; ])(?:${names.join('|')})=`
}

/** nginx counts no request whose key is empty. The first expression that matches decides. */
function limitLines({ rateLimit, health }: Topology, names: NginxNames): Line[] {
  if (!rateLimit) return []
  const client = '$binary_remote_addr'
  return [
    comment('Whose request counts: by the decoded path, and by the path as it was sent, where the programs on the way may not read it alike.'),
    block('map', ['$uri', names.limited], [directive('default', ''), ...rateLimit.paths.map(pattern => directive(`~*${expressionOf(pattern)}`, client))]),
    block('map', ['$request_uri', names.limitKey], [
      ...health ? [directive(`~${probesExpression(health, '[?]|$')}`, '')] : [],
      directive(`~*${ambiguousExpression('[?]|$')}`, client),
      directive('default', names.limited),
    ]),
    directive('limit_req_zone', names.limitKey, `zone=${names.limitZone}:10m`, `rate=${rate(rateLimit.limit, rateLimit.window)}`),
    'blank',
  ]
}

/** What the client spoke: behind a proxy of yours it is what that says. */
function schemeLines({ trustedProxies }: Topology, names: NginxNames): Line[] {
  if (trustedProxies.length === 0) return []
  return [
    block('geo', ['$realip_remote_addr', names.fromProxy], [directive('default', '0'), ...trustedProxies.map(proxy => directive(proxy, '1'))]),
    block('map', [`${names.fromProxy}:$http_x_forwarded_proto`, names.scheme], [directive('default', '$scheme'), directive('1:https', 'https'), directive('1:http', 'http')]),
    'blank',
  ]
}
