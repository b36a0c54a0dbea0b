import type { Label } from '../core/instruments'
import type { Metric, MetricRegistry, Sink } from './registry'

type Attributes = Record<string, string | number>

interface Observable {
  addCallback: (callback: (result: { observe: (value: number, attributes: Attributes) => void }) => void) => void
}

/** The part of a meter of `@opentelemetry/api` that the module uses. */
interface MeterLike {
  createHistogram: (name: string, options: object) => { record: (value: number, attributes: Attributes) => void }
  createObservableCounter: (name: string, options: object) => Observable
  createObservableGauge: (name: string, options: object) => Observable
}

/** A MeterProvider of OpenTelemetry. */
export interface MeterProviderLike {
  getMeter: (name: string) => MeterLike
}

/**
 * Sends all metrics to OpenTelemetry. Counters and gauges are read when OpenTelemetry collects, and histograms get each observation.
 *
 * @param read updates the gauges
 */
export function sendToOpenTelemetry(registry: MetricRegistry, provider: MeterProviderLike, read: () => void): void {
  const meter = provider.getMeter('nuxt-scale')
  registry.forEach((metric) => {
    const { type, unit, help, buckets } = metric.definition
    const options = { description: help, unit, advice: { explicitBucketBoundaries: buckets } }
    if (type === 'histogram') {
      const histogram = meter.createHistogram(metric.name, options)
      addSinks(metric, (labels) => {
        const attributes = attributesOf(metric, labels)
        return value => histogram.record(value, attributes)
      })
      return
    }
    const observable = type === 'counter'
      ? meter.createObservableCounter(metric.name, options)
      : meter.createObservableGauge(metric.name, options)
    observable.addCallback((result) => {
      read()
      for (const series of metric.all) {
        if ('value' in series) result.observe(series.value, attributesOf(metric, series.labels))
      }
    })
  })
}

/** Adds a sink to every series of a histogram. Another provider may have one already. */
function addSinks(metric: Metric, create: (labels: readonly Label[]) => Sink): void {
  const { createSink: earlier } = metric
  metric.createSink = labels => combine(earlier?.(labels), create(labels))
  for (const series of metric.all) {
    if ('sink' in series) series.sink = combine(series.sink, create(series.labels))
  }
}

function combine(first: Sink | undefined, second: Sink): Sink {
  if (!first) return second
  return (value) => {
    first(value)
    second(value)
  }
}

function attributesOf({ definition }: Metric, labels: readonly Label[]): Attributes {
  return Object.fromEntries(definition.labels.flatMap((name, index) => labels[index] === '' ? [] : [[name, labels[index]!]]))
}
