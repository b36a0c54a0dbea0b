import { isIPv6 } from 'node:net'
import { balancerKeepAliveOf } from '../app-contract'
import type { Topology } from '../topology'
import type { NginxNames } from './names'
import type { Directive, Line } from './syntax'
import { block, directive } from './syntax'
import { time } from './units'
import type { NginxTarget } from './version'

/** Idle connections to the servers that each worker process keeps. */
const KEEPALIVE = 32
const METHODS = {
  'round-robin': [],
  'weighted': [],
  'least-conn': [directive('least_conn')],
  'ip-hash': [directive('ip_hash')],
} as const

/** The upstream block: the servers and the balancing method. */
export function upstreamOf(topology: Topology, names: NginxNames, { edition }: NginxTarget): Directive {
  const { servers, balance, shutdown } = topology
  const slowStart = edition === 'plus' && balance !== 'ip-hash' && servers.length > 1
  return block('upstream', [names.upstream], [
    // Shares the state of the servers between the worker processes.
    directive('zone', names.upstreamZone, '128k'),
    ...METHODS[balance],
    ...servers.map(({ host, port, weight, backup }): Line => directive(
      'server',
      `${isIPv6(host) ? `[${host}]` : host}:${port}`,
      ...weight === 1 ? [] : [`weight=${weight}`],
      // nginx always uses a single server, so counting its failures has no effect.
      ...servers.length > 1 ? ['max_fails=3', 'fail_timeout=10s'] : [],
      ...slowStart ? ['slow_start=30s'] : [],
      ...backup ? ['backup'] : [],
    )),
    // It must come after the method. Otherwise nginx prints a warning and does not keep connections.
    directive('keepalive', KEEPALIVE),
    directive('keepalive_timeout', time(balancerKeepAliveOf(shutdown))),
  ])
}
