import type { Topology } from '../topology'
import { locationsOf, schemeOf } from './locations'
import type { NginxNames } from './names'
import { headerVariable } from './names'
import type { Directive, Line } from './syntax'
import { block, comment, directive } from './syntax'
import { size, time } from './units'
import type { NginxTarget } from './version'
import { hasHttp2Directive } from './version'

/** The TLS 1.2 ciphers of Mozilla's intermediate configuration. @see https://ssl-config.mozilla.org */
const CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')
/** Milliseconds after which a request is not retried on another server. */
const LONGEST_RETRY = 10_000
const MOST_TRIES = 3

/** The server blocks: requests for other hosts are rejected, HTTP is redirected to HTTPS, all other requests are proxied. */
export function serversOf(topology: Topology, names: NginxNames, target: NginxTarget): Line[] {
  const { hosts, tls } = topology
  return [
    ...hosts.length > 0 ? [strangers(topology, target), 'blank' as const] : [],
    ...tls ? [redirect(topology, target), 'blank' as const] : [],
    proxy(topology, names, target),
  ]
}

/** Handles unknown hosts: nginx uses the first server block for them, unless another file has a `default_server`. */
function strangers(topology: Topology, target: NginxTarget): Directive {
  return block('server', [], [
    comment('Reject requests for other hosts.'),
    ...listen(topology, target, 'http'),
    ...topology.tls ? [...listen(topology, target, 'https'), directive('ssl_reject_handshake', 'on')] : [],
    directive('server_name', `_${topology.name}`),
    directive('return', 444),
  ])
}

function redirect(topology: Topology, target: NginxTarget): Directive {
  const { https } = topology.listen
  return block('server', [], [
    ...listen(topology, target, 'http'),
    serverName(topology),
    directive('server_tokens', 'off'),
    block('location', ['/'], [directive('return', 308, `https://$host${https === 443 ? '' : `:${https}`}$request_uri`)]),
  ])
}

function proxy(topology: Topology, names: NginxNames, target: NginxTarget): Directive {
  const { tls, maxBodySize } = topology
  return block('server', [], [
    ...listen(topology, target, tls ? 'https' : 'http'),
    serverName(topology),
    directive('server_tokens', 'off'),
    directive('client_max_body_size', size(maxBodySize)),
    ...tlsLines(topology, names),
    ...realAddressLines(topology),
    'blank',
    ...proxyLines(topology),
    ...cacheLines(topology, names),
    ...limitLines(topology, names),
    ...locationsOf(topology, names, target),
  ])
}

function listen({ listen: ports }: Topology, { version }: NginxTarget, scheme: 'http' | 'https'): Line[] {
  const words = scheme === 'http' ? [] : ['ssl', ...hasHttp2Directive(version) ? [] : ['http2']]
  return [
    directive('listen', ports[scheme], ...words),
    ...ports.ipv6 ? [directive('listen', `[::]:${ports[scheme]}`, ...words)] : [],
    ...scheme === 'https' && hasHttp2Directive(version) ? [directive('http2', 'on')] : [],
  ]
}

function serverName({ hosts }: Topology): Line {
  return directive('server_name', ...hosts.length > 0 ? hosts : ['_'])
}

function tlsLines({ tls }: Topology, names: NginxNames): Line[] {
  if (!tls) return []
  if (!tls.files) {
    throw new Error('scale.deploy.tls is \'auto\', but nginx cannot obtain certificates: write tls: { certificate, key }, or use Caddy.')
  }
  return [
    'blank',
    directive('ssl_certificate', tls.files.certificate),
    directive('ssl_certificate_key', tls.files.key),
    directive('ssl_protocols', 'TLSv1.2', 'TLSv1.3'),
    directive('ssl_ciphers', CIPHERS),
    directive('ssl_prefer_server_ciphers', 'off'),
    directive('ssl_session_cache', `shared:${names.tlsZone}:10m`),
    directive('ssl_session_timeout', '1d'),
    directive('ssl_session_tickets', 'off'),
  ]
}

function realAddressLines({ trustedProxies }: Topology): Line[] {
  if (trustedProxies.length === 0) return []
  return [
    'blank',
    ...trustedProxies.map(proxy => directive('set_real_ip_from', proxy)),
    directive('real_ip_header', 'X-Forwarded-For'),
    directive('real_ip_recursive', 'on'),
  ]
}

function proxyLines({ timeouts, servers }: Topology): Line[] {
  return [
    directive('proxy_http_version', '1.1'),
    directive('proxy_connect_timeout', time(timeouts.connect)),
    directive('proxy_send_timeout', time(timeouts.send)),
    directive('proxy_read_timeout', time(timeouts.read)),
    directive('proxy_buffering', 'on'),
    directive('proxy_buffer_size', '16k'),
    directive('proxy_buffers', 16, '16k'),
    directive('proxy_busy_buffers_size', '32k'),
    comment('If a server is down, requests that can be retried go to the next server. The time limit '
      + 'keeps slow servers from delaying others.'),
    directive('proxy_next_upstream', 'error', 'timeout', 'invalid_header'),
    ...servers.length > 1 ? [directive('proxy_next_upstream_tries', Math.min(MOST_TRIES, servers.length))] : [],
    directive('proxy_next_upstream_timeout', time(Math.min(LONGEST_RETRY, timeouts.read))),
  ]
}

/** Rate limit of the server block. */
function limitLines({ rateLimit }: Topology, names: NginxNames): Line[] {
  if (!rateLimit) return []
  return [
    'blank',
    directive('limit_req', `zone=${names.limitZone}`, ...rateLimit.burst > 0 ? [`burst=${rateLimit.burst}`, 'nodelay'] : []),
    directive('limit_req_status', 429),
  ]
}

/** Without lifetimes and `proxy_ignore_headers`: the app decides what is stored, and nginx never stores a response with Set-Cookie. */
function cacheLines({ cache, tenantHeader, trustedProxies }: Topology, names: NginxNames): Line[] {
  if (!cache) return []
  // The header comes last, after a space, which paths cannot contain. So a client cannot forge the key of another tenant.
  const tenant = tenantHeader && !tenantHeader.fromEdgeOnly ? ` ${headerVariable(tenantHeader.name)}` : ''
  return [
    'blank',
    directive('proxy_cache', names.cacheZone),
    directive('proxy_cache_key', `${schemeOf(trustedProxies, names)}://$host$request_uri${tenant}`),
    directive('proxy_cache_bypass', names.personal),
    directive('proxy_no_cache', names.personal, names.unstored),
    comment('Serve a stale copy while the app fails, or while a new copy is fetched (stale-while-revalidate).'),
    directive('proxy_cache_use_stale', 'error', 'timeout', 'invalid_header', 'http_500', 'http_502', 'http_503', 'http_504'),
    directive('proxy_cache_background_update', 'on'),
    directive('proxy_cache_revalidate', 'on'),
  ]
}
