import { expressionOf, probesExpression } from '../path-expressions'
import type { PathPlan } from '../path-plan'
import { planPaths } from '../path-plan'
import type { Topology } from '../topology'
import type { NginxNames } from './names'
import type { Directive, Line } from './syntax'
import { block, comment, directive } from './syntax'
import { time } from './units'
import type { NginxTarget } from './version'

/** The locations of the proxying server, the most specific first. */
export function locationsOf(topology: Topology, names: NginxNames, target: NginxTarget): Line[] {
  return planPaths(topology).flatMap(plan => ['blank', locationOf(plan, topology, names, target)])
}

function locationOf(plan: PathPlan, topology: Topology, names: NginxNames, target: NginxTarget): Directive {
  return block('location', matchOf(plan, topology), [
    ...kindLines(plan, topology, target),
    ...headerLines(plan, topology, names),
    directive('proxy_pass', `http://${names.upstream}`),
  ])
}

/** A regular expression: the prefix `/api` would also match `/apiary`, and with the prefix `/api/` nginx redirects `/api`. */
function matchOf(plan: PathPlan, { health }: Topology): string[] {
  if (plan.path === '' && plan.tree) return ['/']
  // Other paths below the health path belong to the app.
  if (plan.kind === 'health' && plan.path === health?.aggregate) return ['~', probesExpression(health, '/?$')]
  return ['~*', expressionOf(plan)]
}

function kindLines({ kind, path }: PathPlan, { cache, timeouts, health, servers }: Topology, { edition }: NginxTarget): Line[] {
  switch (kind) {
    case 'health':
      return [...cache ? [directive('proxy_cache', 'off')] : [], directive('access_log', 'off')]
    case 'stream':
      return [
        ...cache ? [directive('proxy_cache', 'off')] : [],
        directive('proxy_buffering', 'off'),
        directive('proxy_send_timeout', time(timeouts.stream)),
        directive('proxy_read_timeout', time(timeouts.stream)),
      ]
    case 'build':
      return [
        ...lockLines(cache),
        directive('access_log', 'off'),
        // During a rollout, only some instances have the files of one build.
        ...servers.length > 1 ? [directive('proxy_next_upstream', 'error', 'timeout', 'invalid_header', 'http_404')] : [],
      ]
    case 'shared':
      return lockLines(cache)
    case 'app':
      return edition === 'plus' && health && path === ''
        ? [directive('health_check', `uri=${health.ready}`, 'interval=2s', 'fails=2', 'passes=2')]
        : []
  }
}

/**
 * Collapses concurrent requests. Only for paths whose responses are always stored: on other paths, requests would wait without a benefit.
 */
function lockLines(cache: Topology['cache']): Line[] {
  return cache ? [directive('proxy_cache_lock', 'on'), directive('proxy_cache_lock_timeout', '5s')] : []
}

/** All headers, repeated in every location: a location with one such directive does not inherit those of the server. */
function headerLines({ kind }: PathPlan, topology: Topology, names: NginxNames): Line[] {
  const { cache, tls, tenantHeader, trustedProxies } = topology
  return [
    directive('proxy_set_header', 'Host', '$host'),
    comment('Overwrite the headers in which a client could forge its address.'),
    directive('proxy_set_header', 'X-Real-IP', '$remote_addr'),
    directive('proxy_set_header', 'X-Forwarded-For', '$remote_addr'),
    directive('proxy_set_header', 'X-Forwarded-Proto', schemeOf(trustedProxies, names)),
    directive('proxy_set_header', 'X-Forwarded-Host', '$host'),
    directive('proxy_set_header', 'Forwarded', ''),
    ...tenantHeader?.fromEdgeOnly ? [directive('proxy_set_header', tenantHeader.name, '')] : [],
    directive('proxy_set_header', 'Upgrade', '$http_upgrade'),
    directive('proxy_set_header', 'Connection', names.connection),
    ...cache && kind !== 'health' && kind !== 'stream'
      ? [directive('add_header', 'X-Cache-Status', '$upstream_cache_status', 'always')]
      : [],
    ...tls && tls.hsts > 0 ? [directive('add_header', 'Strict-Transport-Security', `max-age=${tls.hsts}`, 'always')] : [],
  ]
}

/** The variable with the scheme of the client. */
export function schemeOf(trustedProxies: readonly string[], names: NginxNames): string {
  return trustedProxies.length > 0 ? names.scheme : '$scheme'
}
