import type { Topology } from './topology'

/** The balancer in a diagram. */
export type DiagramTarget = 'nginx' | 'haproxy' | 'caddy' | 'kubernetes'

const BALANCERS = { nginx: 'nginx', haproxy: 'HAProxy', caddy: 'Caddy', kubernetes: 'Ingress' } as const
const METHODS = { 'round-robin': 'round robin', 'least-conn': 'least connections', 'ip-hash': 'IP hash', 'weighted': 'weighted' } as const
const REDIS = { single: 'Redis', sentinel: 'Redis Sentinel', cluster: 'Redis Cluster' } as const

/** Renders a Mermaid flowchart of the app and the servers around it. */
export function renderDiagram(topology: Topology, target: DiagramTarget): string {
  const { hosts, tls, rabbitmq, redis, databases, instances } = topology
  const webs = websOf(topology, target)
  const stores = [
    ...redis ? [{ id: 'redis', label: REDIS[redis.kind] }] : [],
    ...databases.map(({ names }, index) => ({ id: `db${index + 1}`, label: names.join(', ') })),
  ]
  return [
    'flowchart TD',
    `  client(["${hosts[0] ?? 'clients'}"]) -->|${tls ? 'HTTPS' : 'HTTP'}| edge`,
    `  edge["${edgeOf(topology, target)}"]`,
    '  subgraph web ["answer requests"]',
    ...webs.map(({ id, label }) => `    ${id}["${label}"]`),
    '  end',
    ...webs.map(({ id, arrow }) => `  edge ${arrow} ${id}`),
    ...stores.map(({ id, label }) => `  web --> ${id}[("${label}")]`),
    ...rabbitmq ? ['  web -->|publish| rabbitmq[["RabbitMQ"]]'] : [],
    ...instances.worker
      ? [
          `  rabbitmq -->|consume| worker["${countOf('worker', instances.worker)}"]`,
          ...stores.map(({ id }) => `  worker --> ${id}`),
        ]
      : [],
  ].join('\n').concat('\n')
}

function edgeOf({ balance, cache, rateLimit }: Topology, target: DiagramTarget): string {
  const extras = [
    ...target === 'kubernetes' ? [] : [METHODS[balance]],
    ...cache && target === 'nginx' ? ['cache'] : [],
    ...rateLimit && (target === 'nginx' || target === 'haproxy') ? ['rate limit'] : [],
  ]
  return [BALANCERS[target], ...extras].join('<br>')
}

function websOf({ servers, instances }: Topology, target: DiagramTarget): { id: string, label: string, arrow: string }[] {
  if (target === 'kubernetes') return [{ id: 'pods', label: countOf('web', instances.web), arrow: '-->' }]
  return servers.map(({ host, port, weight, backup }, index) => ({
    id: `web${index + 1}`,
    label: `${host}:${port}`,
    arrow: backup ? '-.->|backup|' : weight === 1 ? '-->' : `-->|weight ${weight}|`,
  }))
}

function countOf(role: string, { min, max }: { min: number, max: number }): string {
  return `${role} × ${min === max ? min : `${min}–${max}`}`
}
