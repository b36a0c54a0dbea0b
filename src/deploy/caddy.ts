import { balancerKeepAliveOf } from './app-contract'
import { isIPv6 } from 'node:net'
import type { Topology } from './topology'

/** More entries than that for one server would make a long list of a short one. */
const MOST_ENTRIES = 100
const POLICIES = { 'round-robin': 'round_robin', 'weighted': 'round_robin', 'least-conn': 'least_conn', 'ip-hash': 'ip_hash' } as const
/** A line, or a block: what stands before its braces, and the lines in them. */
type Line = string | Block
interface Block {
  head: string
  lines: readonly Line[]
}

/**
 * A whole Caddyfile, for Caddy 2.6 and newer. It asks each server by itself whether it is ready. The plain build of Caddy has neither a cache
 * nor a rate limit, so that those of the topology are not in it.
 *
 * @throws Error naming the option that Caddy cannot do
 */
export function renderCaddy(topology: Topology): string {
  const { listen } = topology
  const ports = [...listen.http === 80 ? [] : [`http_port ${listen.http}`], ...listen.https === 443 ? [] : [`https_port ${listen.https}`]]
  const note = '# Caddy 2.6 and newer, made by npx nuxt-scale caddy: change scale.deploy in nuxt.config, not this file.'
  return `${[
    // As `caddy fmt` has it.
    ports.length > 0 ? render({ head: '', lines: [note, ...ports] }) : note,
    render({ head: sites(topology), lines: site(topology) }),
  ].join('\n\n')}\n`
}

function render(line: Line, indent = ''): string {
  if (typeof line === 'string') return `${indent}${line}`
  const { head, lines } = line
  return `${indent}${head && `${head} `}{\n${lines.map(inner => render(inner, `${indent}\t`)).join('\n')}\n${indent}}`
}

function sites({ hosts, tls, listen }: Topology): string {
  if (tls && !tls.files && hosts.length === 0) throw new Error('scale.deploy.tls is \'auto\', and there is no domain to get a certificate for: set scale.deploy.serverName.')
  const scheme = tls ? 'https://' : 'http://'
  const port = tls ? listen.https : listen.http
  return hosts.length > 0 ? hosts.map(host => `${scheme}${host}`).join(', ') : `${scheme}:${port}`
}

function site(topology: Topology): Line[] {
  const { tls, maxBodySize } = topology
  return [
    ...tls?.files ? [`tls ${tls.files.certificate} ${tls.files.key}`] : [],
    ...tls && tls.hsts > 0 ? [`header Strict-Transport-Security max-age=${tls.hsts}`] : [],
    { head: 'request_body', lines: [`max_size ${maxBodySize}`] },
    { head: 'reverse_proxy', lines: proxy(topology) },
  ]
}

function proxy(topology: Topology): Line[] {
  const { balance, health, hosts, timeouts, shutdown, trustedProxies, tenantHeader } = topology
  return [
    `to ${upstreams(topology).join(' ')}`,
    `lb_policy ${POLICIES[balance]}`,
    // Only GET is repeated once a server has had it.
    'lb_try_duration 10s',
    'lb_try_interval 100ms',
    'fail_duration 10s',
    'max_fails 3',
    ...health
      ? [
          `health_uri ${health.ready}`,
          'health_interval 2s',
          'health_timeout 2s',
          'health_status 200',
          ...hosts.length > 0 ? [{ head: 'health_headers', lines: [`Host ${hosts[0]!.replace(/^\*\./, 'health.')}`] }] : [],
        ]
      : [],
    ...trustedProxies.length > 0 ? [`trusted_proxies ${trustedProxies.join(' ')}`] : [],
    // X-Forwarded-For, -Proto and -Host are overwritten by Caddy itself.
    'header_up X-Real-IP {remote_host}',
    'header_up -Forwarded',
    ...tenantHeader?.fromEdgeOnly ? [`header_up -${tenantHeader.name}`] : [],
    {
      head: 'transport http',
      lines: [
        `dial_timeout ${timeouts.connect}ms`,
        `response_header_timeout ${timeouts.read}ms`,
        `keepalive ${balancerKeepAliveOf(shutdown)}ms`,
      ],
    },
  ]
}

/** Caddy 2.6 knows no weights: a server that stands there three times gets three turns. */
function upstreams({ servers }: Topology): string[] {
  const backup = servers.findIndex(server => server.backup)
  if (backup >= 0) throw new Error(`scale.deploy.servers[${backup}].backup is true, and Caddy has no backup servers: take it out.`)
  const divisor = servers.reduce((found, { weight }) => greatestDivisor(found, weight), 0)
  const entries = servers.map(({ host, port, weight }) => ({ address: `${isIPv6(host) ? `[${host}]` : host}:${port}`, turns: weight / divisor }))
  const total = entries.reduce((sum, { turns }) => sum + turns, 0)
  if (total > MOST_ENTRIES) throw new Error(`scale.deploy.servers have weights that make ${total} turns, and Caddy 2.6 lists each turn: write smaller numbers, such as 3 and 1.`)
  return inTurns(entries)
}

/** Spreads the turns of each server over the list, as nginx does, so that none gets its requests in a row. */
function inTurns(entries: readonly { address: string, turns: number }[]): string[] {
  const total = entries.reduce((sum, { turns }) => sum + turns, 0)
  const credits = entries.map(() => 0)
  return Array.from({ length: total }, () => {
    for (const [index, { turns }] of entries.entries()) credits[index]! += turns
    const next = credits.indexOf(Math.max(...credits))
    credits[next]! -= total
    return entries[next]!.address
  })
}

function greatestDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestDivisor(other, one % other)
}
