import type { MetricDefinition } from '../core/metric-definitions'
import type { MeterProviderLike } from './open-telemetry'
import type { PrometheusRegistry } from './prometheus-client'
import { registerInClient } from './prometheus-client'
import type { Metric } from './registry'
import { metricsService } from './service'

/** Options of a metric of the app. */
export interface AppMetricOptions<Name extends string> {
  /** One sentence that describes the values. */
  help: string
  /**
   * Names of the labels, at most four. Their values should be few: a metric has at most `scale.metrics.maxSeries` series.
   * @default []
   */
  labels?: readonly Name[]
}

/** The values of the labels of a metric. */
type LabelsOf<Name extends string> = [Name] extends [never] ? [] : [labels: Readonly<Record<Name, string | number>>]

/** A number that only grows. */
export interface AppCounter<Name extends string> {
  /** Adds a number of at least 0. */
  add: (by: number, ...labels: LabelsOf<Name>) => void
}

/** A number that grows and shrinks. */
export interface AppGauge<Name extends string> {
  set: (value: number, ...labels: LabelsOf<Name>) => void
}

/** A distribution of values. */
export interface AppHistogram<Name extends string> {
  /** Adds an observation. Durations are seconds. */
  observe: (value: number, ...labels: LabelsOf<Name>) => void
}

/** The metrics of the app, and the connections of all metrics to other libraries. */
export interface Metrics {
  /** Defines a counter, or returns it if it is defined. The name gets the suffix `_total`. */
  counter: <const Name extends string = never>(name: string, options: AppMetricOptions<Name>) => AppCounter<Name>
  /** Defines a gauge, or returns it if it is defined. */
  gauge: <const Name extends string = never>(name: string, options: AppMetricOptions<Name>) => AppGauge<Name>
  /** Defines a histogram, or returns it if it is defined. */
  histogram: <const Name extends string = never>(
    name: string,
    options: AppMetricOptions<Name> & { buckets: readonly number[] },
  ) => AppHistogram<Name>
  /** Shows the metrics of a registry of `prom-client` or `@prometheus-io/client` on the route of the module, too. */
  include: (client: Pick<PrometheusRegistry, 'getMetricsAsJSON'>) => void
  /** Registers the metrics of the module in a registry of `prom-client` or `@prometheus-io/client`. */
  registerIn: (client: Pick<PrometheusRegistry, 'registerMetric'>) => void
  /** Sends all metrics to a MeterProvider of OpenTelemetry. A global provider that is set before the start gets them without this call. */
  sendTo: (provider: MeterProviderLike) => void
}

const NAME = /^[a-z][\w.]*$/i
const LABEL = /^[a-z_][\w.]*$/i
const MOST_LABELS = 4

/**
 * Returns the metrics of this process, to which the app can add its own.
 *
 * @throws Error before the server has started, or if `scale.metrics` is off
 */
export function useMetrics(): Metrics {
  const { registry, included, read, addMeterProvider } = metricsService.use()

  function define(name: string, type: MetricDefinition['type'], given: AppMetricOptions<string>, buckets?: readonly number[]) {
    const labels = given.labels ?? []
    const known = registry.metrics.get(name)
    if (known?.definition.type === type && known.definition.labels.join() === labels.join()) return recorderOf(known)
    if (!NAME.test(name)) throw new TypeError(`The metric "${name}" has an invalid name: write letters, digits, dots and underscores.`)
    if (labels.length > MOST_LABELS || !labels.every(label => LABEL.test(label))) {
      throw new TypeError(`The metric ${name} has invalid labels: write at most ${MOST_LABELS} names of letters, digits and underscores.`)
    }
    if (buckets && (buckets.length === 0 || !buckets.every((bound, index) => index === 0 || bound > buckets[index - 1]!))) {
      throw new TypeError(`The buckets of the metric ${name} must be numbers in ascending order.`)
    }
    return recorderOf(registry.add(name, { type, help: given.help, labels, buckets }))
  }

  return {
    counter: (name, options) => {
      const record = define(name, 'counter', options)
      return {
        add(by, ...labels) {
          if (!(by >= 0)) throw new RangeError(`The counter ${name} only grows: add a number of at least 0.`)
          record(by, labels[0])
        },
      }
    },
    gauge: (name, options) => {
      const record = define(name, 'gauge', options)
      return { set: (value, ...labels) => record(value, labels[0]) }
    },
    histogram: (name, options) => {
      const record = define(name, 'histogram', options, options.buckets)
      return { observe: (value, ...labels) => record(value, labels[0]) }
    },
    include: client => void included.add(client),
    registerIn: client => registerInClient(registry, client, read),
    sendTo: addMeterProvider,
  }
}

function recorderOf(metric: Metric): (value: number, labels?: Readonly<Record<string, string | number>>) => void {
  const { labels: names } = metric.definition
  const [a = '', b = '', c = '', d = ''] = names
  return (value, labels = {}) => metric.series(labels[a], labels[b], labels[c], labels[d]).record(value)
}
