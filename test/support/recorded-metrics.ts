import { afterEach, beforeEach } from 'vitest'
import { attachRecorders } from '../../src/runtime/server/core/instruments'
import { METRICS } from '../../src/runtime/server/core/metric-definitions'
import type { MetricRegistry } from '../../src/runtime/server/metrics/registry'
import { createMetricRegistry } from '../../src/runtime/server/metrics/registry'

/** The metrics of this process, as `scale.metrics` would record them, empty before each test. */
export function recordMetrics() {
  let registry: MetricRegistry

  function reset(): void {
    registry = createMetricRegistry(METRICS, { maxSeries: 200, routes: 100, names: 50, queues: 100 })
    attachRecorders(name => registry.metrics.get(name))
  }

  beforeEach(reset)
  afterEach(() => attachRecorders(undefined))

  return {
    /** Forgets all values. */
    reset,
    /** The values of a metric, or the numbers of observations, by the labels of their series. */
    values: (name: keyof typeof METRICS): Record<string, number> => Object.fromEntries(
      registry.metrics.get(name)!.all.map(series => [series.labels.join(' '), 'value' in series ? series.value : series.count]),
    ),
    /** The sum of all observations of a histogram. */
    sum: (name: keyof typeof METRICS): number => registry.metrics.get(name)!.all.reduce((total, series) => total + ('sum' in series ? series.sum : 0), 0),
  }
}
