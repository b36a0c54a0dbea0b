import type { HistogramSeries, Metric, MetricRegistry, NumberSeries } from './registry'
import { prometheusName } from './registry'

/** One value of a metric, in the form of `prom-client`. */
interface ClientValue {
  value: number
  labels?: Record<string, string | number>
  metricName?: string
}

/** A metric in the form of `prom-client`. */
interface ClientMetric {
  name: string
  help: string
  type: unknown
  values: readonly ClientValue[]
}

/** A registry of `prom-client` or of its successor `@prometheus-io/client`. The module compares its shape and imports neither. */
export interface PrometheusRegistry {
  getMetricsAsJSON: () => Promise<readonly unknown[]>
  registerMetric: (metric: never) => void
}

/** Registers all metrics of the module in a registry of `prom-client`, so that a route of the app can show them. */
export function registerInClient(registry: MetricRegistry, client: Pick<PrometheusRegistry, 'registerMetric'>, read: () => void): void {
  registry.forEach((metric) => {
    const name = prometheusName(metric)
    const { help, type } = metric.definition
    const get = () => {
      read()
      return Promise.resolve({ name, help, type, aggregator: 'sum', values: metric.all.flatMap(series => valuesOf(metric, name, series)) })
    }
    client.registerMetric({ name, help, type, aggregator: 'sum', get, reset() {} } as never)
  })
}

function valuesOf(metric: Metric, name: string, series: NumberSeries | HistogramSeries): ClientValue[] {
  const labels = Object.fromEntries(metric.definition.labels.flatMap((label, index) =>
    series.labels[index] === '' ? [] : [[label.replaceAll(/\W/g, '_'), series.labels[index]!]]))
  if ('value' in series) return [{ value: series.value, labels }]
  const { buckets = [] } = metric.definition
  let total = 0
  return [
    ...series.counts.map((count, index) => {
      total += count
      return { metricName: `${name}_bucket`, value: total, labels: { ...labels, le: buckets[index] ?? '+Inf' } }
    }),
    { metricName: `${name}_sum`, value: series.sum, labels },
    { metricName: `${name}_count`, value: series.count, labels },
  ]
}

/** Metrics of the client whose names Prometheus refuses: gauges that end like counters. */
const REFUSED = /^nodejs_active_\w+_total$/

/**
 * Writes the metrics of a registry of `prom-client`. Metrics that the module has, too, are left out, because a scrape must not contain a
 * name twice.
 */
export async function writeClientMetrics(
  client: Pick<PrometheusRegistry, 'getMetricsAsJSON'>,
  taken: Set<string>,
  write: (part: string) => void,
  openMetrics: boolean,
): Promise<void> {
  for (const { name, help, type, values } of await client.getMetricsAsJSON() as readonly ClientMetric[]) {
    const isCounter = type === 'counter'
    const family = openMetrics && isCounter ? name.replace(/_total$/, '') : name
    if (taken.has(name) || REFUSED.test(name)) continue
    taken.add(name)
    const sample = openMetrics && isCounter ? `${family}_total` : name
    const lines = values.map(({ value, labels = {}, metricName = sample }) => `${metricName}${labelText(labels)} ${valueText(value)}\n`)
    write(`# HELP ${family} ${escapeText(help)}\n# TYPE ${family} ${String(type)}\n${lines.join('')}`)
  }
}

function labelText(labels: Record<string, string | number>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeText(String(value)).replaceAll('"', '\\"')}"`)
  return pairs.length > 0 ? `{${pairs.join(',')}}` : ''
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}
