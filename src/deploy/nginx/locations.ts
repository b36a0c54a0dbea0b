import { expressionOf, probesExpression } from '../path-expressions'
import type { PathPlan } from '../path-plan'
import { planPaths } from '../path-plan'
import type { Topology } from '../topology'
import type { NginxNames } from './names'
import type { Directive, Line } from './syntax'
import { block, comment, directive } from './syntax'
import { time } from './units'
import type { NginxTarget } from './version'

/** The locations of the server that proxies, the most specific first. */
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

/** A prefix would match `/apiary` for `/api`, and `/api/` answers `/api` with a redirect of its own. */
function matchOf(plan: PathPlan, { health }: Topology): string[] {
  if (plan.path === '' && plan.tree) return ['/']
  // Other paths below that of health are the app's.
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
        // In the middle of a rollout the files of one build are with some of the instances only.
        ...servers.length > 1 ? [directive('proxy_next_upstream', 'error', 'timeout', 'invalid_header', 'http_404')] : [],
      ]
    case 'shared':
      return lockLines(cache)
    case 'app':
      return edition === 'plus' && health && path === '' ? [directive('health_check', `uri=${health.ready}`, 'interval=2s', 'fails=2', 'passes=2')] : []
  }
}

/** Only where every answer is stored: elsewhere requests would wait for one another, and in vain. */
function lockLines(cache: Topology['cache']): Line[] {
  return cache ? [directive('proxy_cache_lock', 'on'), directive('proxy_cache_lock_timeout', '5s')] : []
}

/** All of them in every location: one directive of a kind makes nginx forget those of the server. */
function headerLines({ kind }: PathPlan, topology: Topology, names: NginxNames): Line[] {
  const { cache, tls, tenantHeader, trustedProxies } = topology
  return [
    directive('proxy_set_header', 'Host', '$host'),
    comment('What the client says of itself is overwritten.'),
    directive('proxy_set_header', 'X-Real-IP', '$remote_addr'),
    directive('proxy_set_header', 'X-Forwarded-For', '$remote_addr'),
    directive('proxy_set_header', 'X-Forwarded-Proto', schemeOf(trustedProxies, names)),
    directive('proxy_set_header', 'X-Forwarded-Host', '$host'),
    directive('proxy_set_header', 'Forwarded', ''),
    ...tenantHeader?.fromEdgeOnly ? [directive('proxy_set_header', tenantHeader.name, '')] : [],
    directive('proxy_set_header', 'Upgrade', '$http_upgrade'),
    directive('proxy_set_header', 'Connection', names.connection),
    ...cache && kind !== 'health' && kind !== 'stream' ? [directive('add_header', 'X-Cache-Status', '$upstream_cache_status', 'always')] : [],
    ...tls && tls.hsts > 0 ? [directive('add_header', 'Strict-Transport-Security', `max-age=${tls.hsts}`, 'always')] : [],
  ]
}

/** The variable that says what the client spoke. */
export function schemeOf(trustedProxies: readonly string[], names: NginxNames): string {
  return trustedProxies.length > 0 ? names.scheme : '$scheme'
}
