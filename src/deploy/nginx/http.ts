import { ambiguousExpression, expressionOf, probesExpression } from '../path-expressions'
import type { Topology } from '../topology'
import type { NginxNames } from './names'
import { headerVariable } from './names'
import type { Line } from './syntax'
import { block, comment, directive } from './syntax'
import { rate, size } from './units'

/** Directives that nginx allows only in the http block: zones and maps. */
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
    directive(
      'proxy_cache_path',
      cache.path,
      'levels=1:2',
      `keys_zone=${names.cacheZone}:${size(cache.memory)}`,
      `max_size=${size(cache.size)}`,
      `inactive=${Math.ceil(cache.inactive / 1000)}s`,
      'use_temp_path=off',
    ),
    'blank',
    comment('Personal requests do not use the cache.'),
    block('map', ['$http_cookie', names.session], [
      directive('default', '0'),
      ...sessionCookies.length > 0 ? [directive(cookieExpression(sessionCookies), '1')] : [],
    ]),
    block('map', [credentialHeaders.map(headerVariable).join(''), names.personal], [
      directive('', names.session),
      directive('default', '1'),
    ]),
    'blank',
    comment('nginx serves stale copies while the app fails, so it does not store responses that forbid stale copies.'),
    comment('X-Accel-Expires is only for nginx. With it, Cache-Control is only for browsers.'),
    block('map', ['$upstream_http_cache_control', names.revalidated], [directive('default', '0'), directive(REVALIDATED, '1')]),
    block('map', ['$upstream_http_x_accel_expires', names.unstored], [directive('', names.revalidated), directive('default', '0')]),
    'blank',
  ]
}

/** Matches a Cookie header that contains one of the names. nginx joins several Cookie headers. */
export function cookieExpression(patterns: readonly string[]): string {
  const names = patterns.map(pattern => pattern.replaceAll('.', '[.]').replaceAll('*', '[^=; ]*'))
  return `~*(?:^|[; ])(?:${names.join('|')})=`
}

/** nginx does not count requests with an empty key. In a map, the first matching expression applies. */
function limitLines({ rateLimit, health }: Topology, names: NginxNames): Line[] {
  if (!rateLimit) return []
  const client = '$binary_remote_addr'
  return [
    comment('Limit by the decoded path. Paths that programs may interpret differently are always limited.'),
    block('map', ['$uri', names.limited], [
      directive('default', ''),
      ...rateLimit.paths.map(pattern => directive(`~*${expressionOf(pattern)}`, client)),
    ]),
    block('map', ['$request_uri', names.limitKey], [
      ...health ? [directive(`~${probesExpression(health, '[?]|$')}`, '')] : [],
      directive(`~*${ambiguousExpression('[?]|$')}`, client),
      directive('default', names.limited),
    ]),
    directive('limit_req_zone', names.limitKey, `zone=${names.limitZone}:10m`, `rate=${rate(rateLimit.limit, rateLimit.window)}`),
    'blank',
  ]
}

/** The scheme of the client: `$scheme`, or behind a trusted proxy the one of `X-Forwarded-Proto`. */
function schemeLines({ trustedProxies }: Topology, names: NginxNames): Line[] {
  if (trustedProxies.length === 0) return []
  return [
    block('geo', ['$realip_remote_addr', names.fromProxy], [
      directive('default', '0'),
      ...trustedProxies.map(proxy => directive(proxy, '1')),
    ]),
    block('map', [`${names.fromProxy}:$http_x_forwarded_proto`, names.scheme], [
      directive('default', '$scheme'),
      directive('1:https', 'https'),
      directive('1:http', 'http'),
    ]),
    'blank',
  ]
}
