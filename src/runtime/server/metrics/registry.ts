import type { Label, Recorder, Series } from '../core/instruments'
import type { MetricDefinition } from '../core/metric-definitions'

/** Limits of the number of series. */
export interface SeriesLimits {
  /** Most label sets of a histogram. Counters and gauges, which are 17 times smaller, have ten times as many. */
  maxSeries: number
  /** Most different routes of a metric. */
  routes: number
  /** Most different names of one surface of the cache. */
  names: number
  /** Most different queues or exchanges of a metric. */
  queues: number
}

/** An exemplar: one observation with the trace that it belongs to. */
export interface Exemplar {
  traceId: string
  value: number
  /** Unix time in seconds. */
  time: number
}

/** Receives values of one series besides the registry. */
export type Sink = (value: number) => void

/** A counter or a gauge with fixed labels. */
export class NumberSeries implements Series {
  readonly labels: readonly Label[]
  value = 0
  readonly #adds: boolean

  constructor(labels: readonly Label[], adds: boolean) {
    this.labels = labels
    this.#adds = adds
  }

  record(value: number): void {
    if (this.#adds) this.value += value
    else this.value = value
  }
}

/** A histogram with fixed labels. */
export class HistogramSeries implements Series {
  readonly labels: readonly Label[]
  /** Observations in each bucket, without those of the buckets before it. The last bucket has no bound. */
  readonly counts: number[]
  sum = 0
  count = 0
  exemplars: (Exemplar | undefined)[] | undefined
  sink: Sink | undefined
  readonly #bounds: readonly number[]

  constructor(labels: readonly Label[], bounds: readonly number[], sink: Sink | undefined) {
    this.labels = labels
    this.#bounds = bounds
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0)
    this.sink = sink
  }

  record(value: number, traceId?: string): void {
    const bounds = this.#bounds
    let bucket = 0
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++
    this.counts[bucket]!++
    this.count++
    this.sum += value
    if (this.sink !== undefined) this.sink(value)
    if (traceId !== undefined) (this.exemplars ??= [])[bucket] = { traceId, value, time: Date.now() / 1000 }
  }
}

type Node = Map<Label, Node | NumberSeries | HistogramSeries>

/** The label value of everything above a limit. */
const OTHER = '_other'

/** One metric with all its series. */
export class Metric implements Recorder {
  readonly definition: MetricDefinition
  readonly name: string
  /** Every series, in the order of their first value. */
  readonly all: (NumberSeries | HistogramSeries)[] = []
  /** Creates the sink of a new histogram series. */
  createSink: ((labels: readonly Label[]) => Sink) | undefined
  readonly #root: Node = new Map()
  readonly #depth: number
  readonly #most: readonly number[]
  readonly #mostSeries: number
  readonly #onDropped: (metric: Metric) => void
  #single: NumberSeries | HistogramSeries | undefined
  #overflow: NumberSeries | HistogramSeries | undefined

  constructor(name: string, definition: MetricDefinition, limits: SeriesLimits, onDropped: (metric: Metric) => void) {
    this.name = name
    this.definition = definition
    this.#depth = definition.labels.length
    this.#most = definition.labels.map((label) => {
      const limit = definition.most?.[label]
      return limit ? limits[limit] : Infinity
    })
    this.#mostSeries = definition.type === 'histogram' ? limits.maxSeries : limits.maxSeries * 10
    this.#onDropped = onDropped
  }

  /** Follows the labels through maps, which allocates nothing for a series that exists. */
  series(a: Label = '', b: Label = '', c: Label = '', d: Label = ''): NumberSeries | HistogramSeries {
    if (this.#depth === 0) return this.#single ??= this.#create([])
    let node = this.#root.get(a)
    if (this.#depth > 1 && node !== undefined) node = (node as Node).get(b)
    if (this.#depth > 2 && node !== undefined) node = (node as Node).get(c)
    if (this.#depth > 3 && node !== undefined) node = (node as Node).get(d)
    return node === undefined ? this.#grow([a, b, c, d]) : node as NumberSeries | HistogramSeries
  }

  /** Adds a series, or returns the series of `_other` if the metric has its most series. */
  #grow(given: readonly Label[]): NumberSeries | HistogramSeries {
    const labels: Label[] = []
    let dropped = false
    let node = this.#root
    for (let index = 0; index < this.#depth; index++) {
      let label = given[index]!
      if (!node.has(label) && label !== OTHER && node.size >= this.#most[index]!) {
        label = OTHER
        dropped = true
      }
      labels.push(label)
      const next = node.get(label)
      if (index === this.#depth - 1) {
        if (dropped) this.#onDropped(this)
        if (next) return next as NumberSeries | HistogramSeries
        return this.all.length < this.#mostSeries ? this.#insert(node, label, labels) : this.#flow(dropped)
      }
      if (next) {
        node = next as Node
        continue
      }
      if (this.all.length >= this.#mostSeries) return this.#flow(false)
      const created: Node = new Map()
      node.set(label, created)
      node = created
    }
    throw new Error('A metric without labels has one series.')
  }

  #insert(node: Node, label: Label, labels: readonly Label[]): NumberSeries | HistogramSeries {
    const created = this.#create(labels)
    node.set(label, created)
    return created
  }

  #flow(counted: boolean): NumberSeries | HistogramSeries {
    if (!counted) this.#onDropped(this)
    return this.#overflow ??= this.#create(this.definition.labels.map(() => OTHER))
  }

  #create(labels: readonly Label[]): NumberSeries | HistogramSeries {
    const { type, buckets = [] } = this.definition
    const created = type === 'histogram'
      ? new HistogramSeries(labels, buckets, this.createSink?.(labels))
      : new NumberSeries(labels, type === 'counter')
    this.all.push(created)
    return created
  }
}

/** All metrics of this process. */
export interface MetricRegistry {
  metrics: ReadonlyMap<string, Metric>
  /** Adds a metric. @throws Error if its name is taken */
  add: (name: string, definition: MetricDefinition) => Metric
  /** Calls a function for each metric, also for those that are added later. */
  forEach: (visit: (metric: Metric) => void) => void
}

/** Name of the metric that counts the values of {@link OTHER}. */
const DROPPED = 'scale.series.dropped'

/** Creates the registry with its metrics. */
export function createMetricRegistry(definitions: Readonly<Record<string, MetricDefinition>>, limits: SeriesLimits): MetricRegistry {
  const metrics = new Map<string, Metric>()
  const taken = new Set<string>()
  const visitors: ((metric: Metric) => void)[] = []
  const onDropped = (metric: Metric) => {
    if (metric.name !== DROPPED) metrics.get(DROPPED)?.series(prometheusName(metric)).record(1)
  }

  function add(name: string, definition: MetricDefinition): Metric {
    const metric = new Metric(name, definition, limits, onDropped)
    const text = prometheusName(metric)
    if (metrics.has(name) || taken.has(text)) throw new Error(`The metric ${name} is defined twice: give each metric its own name.`)
    taken.add(text)
    metrics.set(name, metric)
    for (const visit of visitors) visit(metric)
    return metric
  }

  for (const [name, definition] of Object.entries(definitions)) add(name, definition)
  return {
    metrics,
    add,
    forEach(visit) {
      visitors.push(visit)
      for (const metric of metrics.values()) visit(metric)
    },
  }
}

const SUFFIXES = { s: '_seconds', By: '_bytes' } as const

/** Returns the name of a metric in Prometheus, by the rules of OpenTelemetry: underscores, the unit, and `_total` for counters. */
export function prometheusName({ name, definition }: Pick<Metric, 'name' | 'definition'>): string {
  if (definition.prometheus) return definition.prometheus
  const base = name.replaceAll(/\W/g, '_')
  const suffix = definition.unit ? SUFFIXES[definition.unit] : ''
  const unit = base.endsWith(suffix) ? base : `${base}${suffix}`
  return definition.type === 'counter' && !unit.endsWith('_total') ? `${unit}_total` : unit
}
