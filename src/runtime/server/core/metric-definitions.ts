/** A metric of the module. Dashboards and alert rules can be generated from these definitions. */
export interface MetricDefinition {
  type: 'counter' | 'gauge' | 'histogram'
  /** One sentence that describes the values. */
  help: string
  /** Unit of OpenTelemetry: `s` for seconds, `By` for bytes. Other units are not part of the name in Prometheus. */
  unit?: 's' | 'By'
  /** Names of the labels, in the order of the values that the code passes. At most four. */
  labels: readonly string[]
  /** Most different values of a label, below each combination of the labels before it. Further values are counted as `_other`. */
  most?: Readonly<Record<string, 'routes' | 'names' | 'queues'>>
  /** Upper bounds of the buckets of a histogram, in its unit. */
  buckets?: readonly number[]
  /** Name in Prometheus, if the rules do not give it. */
  prometheus?: string
  /** Whether only Prometheus gets the metric. OpenTelemetry has another way to send it. */
  prometheusOnly?: boolean
}

/** Bounds that OpenTelemetry recommends for HTTP, messages and garbage collection, in seconds. */
const HTTP = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
/** Bounds that OpenTelemetry recommends for databases, in seconds. */
const DATABASE = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
/** Bounds for messages that may wait in a queue, in seconds. */
const QUEUE = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1800]

const ROUTE = { 'http.route': 'routes' } as const
const CACHE_NAME = { name: 'names' } as const
const VITAL_LABELS = ['http.route', 'navigation.type'] as const
const DESTINATION = { 'messaging.destination.name': 'queues' } as const

/** Every metric of the module, by its name in OpenTelemetry. */
export const METRICS = {
  'http.server.request.duration': {
    type: 'histogram', unit: 's', buckets: HTTP, most: ROUTE,
    labels: ['http.route', 'http.request.method', 'http.response.status_code', 'error.type'],
    help: 'Time from the arrival of a request until its response has been sent or its connection closed.',
  },
  'http.server.active_requests': {
    type: 'gauge', labels: ['http.request.method'], help: 'Requests that are being answered.',
  },
  'scale.http.aborted': {
    type: 'counter', most: ROUTE, labels: ['http.route'], help: 'Requests whose client closed the connection before the response ended.',
  },
  'nodejs.eventloop.delay.p50': {
    type: 'gauge', unit: 's', labels: [], prometheus: 'nodejs_eventloop_lag_p50_seconds',
    help: 'Median delay of the event loop since the last scrape.',
  },
  'nodejs.eventloop.delay.p99': {
    type: 'gauge', unit: 's', labels: [], prometheus: 'nodejs_eventloop_lag_p99_seconds',
    help: '99th percentile of the delay of the event loop since the last scrape.',
  },
  'nodejs.eventloop.delay.max': {
    type: 'gauge', unit: 's', labels: [], prometheus: 'nodejs_eventloop_lag_max_seconds',
    help: 'Longest delay of the event loop since the last scrape.',
  },
  'nodejs.eventloop.utilization': {
    type: 'gauge', labels: [], help: 'Part of the time since the last scrape in which the event loop was busy, from 0 to 1.',
  },
  'v8js.gc.duration': {
    type: 'histogram', unit: 's', buckets: HTTP, labels: ['v8js.gc.type'], help: 'Duration of garbage collections.',
  },
  'v8js.memory.heap.used': {
    type: 'gauge', unit: 'By', labels: [], prometheus: 'nodejs_heap_size_used_bytes', help: 'Used memory of the V8 heap.',
  },
  'v8js.memory.heap.total': {
    type: 'gauge', unit: 'By', labels: [], prometheus: 'nodejs_heap_size_total_bytes', help: 'Allocated memory of the V8 heap.',
  },
  'nodejs.memory.external': {
    type: 'gauge', unit: 'By', labels: [], prometheus: 'nodejs_external_memory_bytes', help: 'Memory of objects outside the V8 heap.',
  },
  'process.memory.usage': {
    type: 'gauge', unit: 'By', labels: [], prometheus: 'process_resident_memory_bytes', help: 'Resident memory of the process.',
  },
  'process.cpu.time': {
    type: 'counter', unit: 's', labels: [], prometheus: 'process_cpu_seconds_total', help: 'Processor time of the process.',
  },
  'process.start_time': {
    type: 'gauge', unit: 's', labels: [], prometheus: 'process_start_time_seconds', help: 'Start of the process, in Unix time.',
  },
  'scale.cache.requests': {
    type: 'counter', most: CACHE_NAME, labels: ['surface', 'name', 'result'],
    help: 'Reads of the cache, by the level that answered.',
  },
  'scale.cache.load.duration': {
    type: 'histogram', unit: 's', buckets: DATABASE, most: CACHE_NAME, labels: ['surface', 'name', 'outcome'],
    help: 'Time of loaders that fill the cache.',
  },
  'scale.cache.lease': { type: 'counter', labels: ['result'], help: 'Leases of loads, by result.' },
  'scale.cache.lease.wait': {
    type: 'histogram', unit: 's', buckets: DATABASE, labels: [], help: 'Time that calls waited for the load of another process.',
  },
  'scale.cache.invalidations': { type: 'counter', labels: ['kind', 'origin'], help: 'Invalidations of the cache.' },
  'scale.cache.entries': { type: 'gauge', labels: ['level'], help: 'Entries in the cache of this process.' },
  'scale.cache.bytes': { type: 'gauge', labels: ['level'], prometheus: 'scale_cache_bytes', help: 'Bytes in the cache of this process.' },
  'scale.cache.evictions': { type: 'counter', labels: ['reason'], help: 'Entries that left the cache of this process.' },
  'scale.bus.messages': { type: 'counter', labels: ['direction'], help: 'Messages of the invalidation bus.' },
  'scale.bus.delay': {
    type: 'histogram', unit: 's', buckets: DATABASE, labels: [],
    help: 'Time of a message on the invalidation bus, from its publication until it is received. Each process measures its own beats.',
  },
  'scale.bus.gaps': { type: 'counter', labels: [], help: 'Times that messages of the bus were missed.' },
  'scale.bus.epoch_flushes': { type: 'counter', labels: ['cause'], help: 'Times that the cache of this process was cleared.' },
  'scale.redis.up': { type: 'gauge', labels: ['role'], help: '1 if the connection to Redis works, else 0.' },
  'scale.breaker.state': { type: 'gauge', labels: ['target'], help: 'State of a circuit breaker: 0 closed, 1 half-open, 2 open.' },
  'scale.breaker.transitions': { type: 'counter', labels: ['target', 'to'], help: 'Changes of the state of a circuit breaker.' },
  'db.client.operation.duration': {
    type: 'histogram', unit: 's', buckets: DATABASE, labels: ['db.system.name', 'db.operation.name', 'error.type'],
    help: 'Time of a call on Redis, until its answer or its deadline.',
  },
  'db.client.connection.count': {
    type: 'gauge', labels: ['db.client.connection.pool.name', 'db.client.connection.state'],
    help: 'Connections that the budget of this process reserves.',
  },
  'db.client.connection.max': {
    type: 'gauge', labels: ['db.client.connection.pool.name'], help: 'Most connections of this process.',
  },
  'db.client.connection.pending_requests': {
    type: 'gauge', labels: ['db.client.connection.pool.name'], help: 'Requests that wait for a database client.',
  },
  'db.client.connection.timeouts': {
    type: 'counter', labels: ['db.client.connection.pool.name'], help: 'Requests that waited too long for a database client.',
  },
  'db.client.connection.wait_time': {
    type: 'histogram', unit: 's', buckets: DATABASE, labels: ['db.client.connection.pool.name'],
    help: 'Time that requests waited for a database client.',
  },
  'scale.tenant.clients': { type: 'gauge', labels: [], help: 'Database clients that are open for tenants.' },
  'scale.tenant.evictions': { type: 'counter', labels: ['reason'], help: 'Database clients that were closed to free their connections.' },
  'scale.shard.queries': { type: 'counter', labels: ['shard', 'kind'], help: 'Uses of the database of a shard.' },
  'scale.shard.slots': {
    type: 'gauge', labels: ['shard', 'state'], help: 'Slots of a shard: stable, or the state of the move that takes them to another shard.',
  },
  'scale.shard.moves': {
    type: 'counter', labels: ['result'], help: 'Moves of slots that this process has seen in its slot map.',
  },
  'messaging.client.sent.messages': {
    type: 'counter', most: DESTINATION, labels: ['messaging.destination.name', 'error.type'], help: 'Messages that were published.',
  },
  'messaging.client.operation.duration': {
    type: 'histogram', unit: 's', buckets: HTTP, most: DESTINATION, labels: ['messaging.destination.name', 'messaging.operation.name'],
    help: 'Time of an operation on the broker. A publish ends with the confirm of the broker.',
  },
  'messaging.client.consumed.messages': {
    type: 'counter', most: DESTINATION, labels: ['messaging.destination.name'], help: 'Messages that consumers received.',
  },
  'messaging.process.duration': {
    type: 'histogram', unit: 's', buckets: HTTP, most: DESTINATION, labels: ['messaging.destination.name', 'error.type'],
    help: 'Time of the handlers of consumers.',
  },
  'scale.messaging.delivery_lag': {
    type: 'histogram', unit: 's', buckets: QUEUE, most: DESTINATION, labels: ['messaging.destination.name'],
    help: 'Time from the publication of a message until its handler starts.',
  },
  'scale.messaging.retried': {
    type: 'counter', most: DESTINATION, labels: ['messaging.destination.name', 'reason'], help: 'Messages that are tried again later.',
  },
  'scale.messaging.dead_lettered': {
    type: 'counter', most: DESTINATION, labels: ['messaging.destination.name', 'reason'],
    help: 'Messages that went to a dead-letter queue.',
  },
  'scale.messaging.buffer_messages': { type: 'gauge', labels: [], help: 'Messages in this process that are not sent yet.' },
  'scale.messaging.unconfirmed': { type: 'gauge', labels: [], help: 'Messages that were sent and are not confirmed yet.' },
  'scale.messaging.blocked': { type: 'gauge', labels: [], help: '1 while the broker accepts no messages, else 0.' },
  'scale.outbox.pending': {
    type: 'gauge', labels: [], help: 'Messages in the outboxes that are not published, at most 10,000 of each outbox.',
  },
  'scale.outbox.oldest': {
    type: 'gauge', unit: 's', labels: [], help: 'Age of the oldest message in the outboxes.',
  },
  'scale.rate_limit.decisions': {
    type: 'counter', most: { limit: 'names' }, labels: ['limit', 'decision'], help: 'Decisions of rate limits.',
  },
  'scale.rate_limit.duration': {
    type: 'histogram', unit: 's', buckets: DATABASE, labels: [],
    help: 'Time of the decisions of rate limits that asked Redis. Decisions in memory are not in it.',
  },
  'scale.health.check.status': { type: 'gauge', labels: ['check'], help: 'Result of a health check: 1 passes, 0.5 degraded, 0 fails.' },
  'scale.health.check.duration': { type: 'histogram', unit: 's', buckets: DATABASE, labels: ['check'], help: 'Time of a health check.' },
  'scale.draining': { type: 'gauge', labels: [], help: '1 while the instance shuts down, else 0.' },
  'scale.web_vital.lcp': {
    type: 'histogram', unit: 's', buckets: [0.5, 1, 1.5, 2, 2.5, 3, 4, 6, 10], most: ROUTE, labels: VITAL_LABELS,
    help: 'Largest Contentful Paint of page views. 2.5 s is good, more than 4 s is poor.',
  },
  'scale.web_vital.fcp': {
    type: 'histogram', unit: 's', buckets: [0.5, 1, 1.8, 2.4, 3, 5], most: ROUTE, labels: VITAL_LABELS,
    help: 'First Contentful Paint of page views. 1.8 s is good, more than 3 s is poor.',
  },
  'scale.web_vital.ttfb': {
    type: 'histogram', unit: 's', buckets: [0.1, 0.2, 0.4, 0.8, 1.2, 1.8, 3], most: ROUTE, labels: VITAL_LABELS,
    help: 'Time to the first byte of page views. 0.8 s is good, more than 1.8 s is poor.',
  },
  'scale.web_vital.inp': {
    type: 'histogram', unit: 's', buckets: [0.05, 0.1, 0.2, 0.35, 0.5, 1, 2], most: ROUTE, labels: VITAL_LABELS,
    help: 'Interaction to Next Paint of page views. 0.2 s is good, more than 0.5 s is poor.',
  },
  'scale.web_vital.cls': {
    type: 'histogram', buckets: [0.01, 0.05, 0.1, 0.15, 0.25, 0.5, 1], most: ROUTE, labels: VITAL_LABELS,
    help: 'Cumulative Layout Shift of page views. 0.1 is good, more than 0.25 is poor.',
  },
  'scale.client.errors': {
    type: 'counter', most: ROUTE, labels: ['http.route', 'kind'], help: 'Errors that browsers reported.',
  },
  'scale.ingest.rejected': {
    type: 'counter', labels: ['reason'], help: 'Messages of browsers that the ingest route refused.',
  },
  'scale.series.dropped': {
    type: 'counter', labels: ['metric'], help: 'Values that were counted as _other, because a metric has its most series.',
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>

type Definitions = typeof METRICS

/** Names of the metrics of one type. */
export type MetricName<Type extends MetricDefinition['type']> = {
  [Name in keyof Definitions]: Definitions[Name]['type'] extends Type ? Name : never
}[keyof Definitions]
