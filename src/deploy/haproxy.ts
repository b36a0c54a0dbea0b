import { isIPv6 } from 'node:net'
import { ambiguousExpression, expressionOf } from './path-expressions'
import type { Topology } from './topology'

const METHODS = { 'round-robin': ['balance roundrobin'], 'weighted': ['balance roundrobin'], 'least-conn': ['balance leastconn'], 'ip-hash': ['balance source', 'hash-type consistent'] } as const

/**
 * A whole `haproxy.cfg`, for HAProxy 2.6 and newer. It asks each server by itself whether it is ready.
 *
 * @throws Error naming the option that HAProxy cannot do
 */
export function renderHaproxy(topology: Topology): string {
  const { timeouts, tls } = topology
  if (tls && !tls.files) throw new Error('scale.deploy.tls is \'auto\', and HAProxy gets no certificates by itself: write tls: { certificate, key }, or use Caddy.')
  return [
    '# HAProxy 2.6 and newer, made by npx nuxt-scale haproxy: change scale.deploy in nuxt.config, not this file.',
    // How many connections: as many as the limit of open files allows. A number above it would keep HAProxy from starting.
    ...tls ? [section('global', ['ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets'])] : [],
    section('defaults', [
      'mode http',
      `timeout connect ${timeouts.connect}ms`,
      `timeout client ${timeouts.read}ms`,
      `timeout server ${timeouts.read}ms`,
      `timeout tunnel ${timeouts.stream}ms`,
      'timeout http-request 10s',
      'timeout http-keep-alive 60s',
      'timeout queue 10s',
      'timeout check 2s',
    ]),
    section(`frontend ${topology.name}`, frontend(topology)),
    section(`backend ${topology.name}_servers`, backend(topology)),
    ...limitTable(topology),
  ].join('\n\n').concat('\n')
}

function section(head: string, lines: readonly string[]): string {
  return [head, ...lines.map(line => `    ${line}`)].join('\n')
}

function frontend(topology: Topology): string[] {
  const { listen, tls, hosts, trustedProxies, tenantHeader } = topology
  const bind = (port: number, words = '') => [`bind :${port}${words}`, ...listen.ipv6 ? [`bind [::]:${port} v6only${words}`] : []]
  return [
    ...bind(listen.http),
    ...tls ? bind(listen.https, ` ssl crt ${tls.files!.bundle} alpn h2,http/1.1`) : [],
    ...trustedProxies.length > 0
      ? [
          // What the proxy says is read before its address gives way to the client's.
          `http-request set-var(txn.https_before) bool(true) if { src ${trustedProxies.join(' ')} } { req.hdr(x-forwarded-proto) https }`,
          `http-request set-src hdr_ip(x-forwarded-for,-1) if { src ${trustedProxies.join(' ')} } { req.hdr(x-forwarded-for) -m found }`,
        ]
      : [],
    ...hosts.length > 0 ? [...hosts.map(hostRule), 'http-request deny deny_status 421 unless known_host'] : [],
    ...tls ? [`http-request redirect scheme https code 308 unless { ssl_fc }`] : [],
    ...limitRules(topology),
    '# What the client says of itself is overwritten.',
    'http-request set-header X-Real-IP %[src]',
    'http-request set-header X-Forwarded-For %[src]',
    ...forwardedProto(topology),
    'http-request set-header X-Forwarded-Host %[req.hdr(host)]',
    'http-request del-header Forwarded',
    ...tenantHeader?.fromEdgeOnly ? [`http-request del-header ${tenantHeader.name}`] : [],
    ...tls && tls.hsts > 0 ? [`http-response set-header Strict-Transport-Security max-age=${tls.hsts}`] : [],
    `default_backend ${topology.name}_servers`,
  ]
}

function hostRule(host: string): string {
  const name = 'req.hdr(host),field(1,:)'
  return host.startsWith('*.') ? `acl known_host ${name} -m end -i ${host.slice(1)}` : `acl known_host ${name} -i ${host}`
}

function forwardedProto({ trustedProxies }: Topology): string[] {
  return [
    'http-request set-header X-Forwarded-Proto http',
    'http-request set-header X-Forwarded-Proto https if { ssl_fc }',
    ...trustedProxies.length > 0 ? ['http-request set-header X-Forwarded-Proto https if { var(txn.https_before) -m bool }'] : [],
  ]
}

function backend({ balance, servers, health, hosts, maxBodySize }: Topology): string[] {
  return [
    ...METHODS[balance],
    ...bodyRules(maxBodySize),
    ...health
      ? [
          'option httpchk',
          `http-check send meth GET uri ${health.ready} ver HTTP/1.1 hdr Host ${(hosts[0] ?? 'localhost').replace(/^\*\./, 'health.')}`,
          'http-check expect status 200',
        ]
      : [],
    '# A server that is gone costs no request that may be repeated: the next one gets it.',
    'retries 2',
    'option redispatch 1',
    'retry-on conn-failure empty-response',
    'http-request disable-l7-retry unless { method GET HEAD OPTIONS }',
    `default-server check inter 2s fall 2 rise 2${servers.length > 1 ? ' slowstart 30s' : ''}`,
    ...servers.map(({ host, port, weight, backup }, index) =>
      `server web-${index + 1} ${isIPv6(host) ? `[${host}]` : host}:${port}${weight === 1 ? '' : ` weight ${weight}`}${backup ? ' backup' : ''}`),
  ]
}

/**
 * HAProxy counts no bytes of a body that goes through it: it knows the length that the client declares, and holds the client to it.
 * So a body needs a length (RFC 9110 §15.5.12). Without one the first byte is waited for, since a request may also end without a body.
 */
function bodyRules(maxBodySize: number): string[] {
  // HTTP/2 has neither an encoding of the transfer nor, but for a WebSocket (RFC 8441), an upgrade.
  const unknown = ['chunked', '{ fc_http_major 2 } !sized !upgrade']
  const begun = unknown.map(condition => `{ req.body_len gt 0 } ${condition}`)
  return [
    'acl chunked req.hdr(transfer-encoding) -m found',
    'acl sized req.hdr(content-length) -m found',
    'acl upgrade req.hdr(upgrade) -m found',
    `http-request wait-for-body time 10s at-least 1 if ${unknown.join(' or ')}`,
    `http-request return status 411 content-type text/plain string "Length Required" if ${begun.join(' or ')}`,
    // Not req.body_size, which over HTTP/2 is 0 until a part of the body is there.
    `http-request deny deny_status 413 if { req.hdr(content-length) -m int gt ${maxBodySize} }`,
  ]
}

/** Requests of so long a time may come as nginx lets through in it when all of them come at once. */
function limitWindow({ limit, window, burst }: NonNullable<Topology['rateLimit']>): { requests: number, milliseconds: number } {
  return { requests: limit + burst, milliseconds: Math.ceil(window * (limit + burst) / limit) }
}

function limitRules(topology: Topology): string[] {
  const { rateLimit, name, health } = topology
  if (!rateLimit) return []
  const counted = `limited${health ? ' !probe' : ''}`
  return [
    '# Whose request counts: by the decoded path, and by the path as it was sent, where the programs on the way may not read it alike.',
    'http-request set-var(txn.path) path,url_dec',
    ...rateLimit.paths.map(pattern => `acl limited var(txn.path) -m reg -i '${expressionOf(pattern)}'`),
    `acl limited path -m reg -i '${ambiguousExpression()}'`,
    ...health ? [`acl probe path ${Object.values(health).join(' ')}`] : [],
    `http-request track-sc0 src table ${name}_limit if ${counted}`,
    `http-request deny deny_status 429 if ${counted} { sc_http_req_rate(0) gt ${limitWindow(rateLimit).requests} }`,
  ]
}

function limitTable({ rateLimit, name }: Topology): string[] {
  if (!rateLimit) return []
  const { milliseconds } = limitWindow(rateLimit)
  return [section(`backend ${name}_limit`, [`stick-table type ipv6 size 100k expire ${milliseconds * 2}ms store http_req_rate(${milliseconds}ms)`])]
}
