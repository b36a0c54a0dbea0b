import { defineService } from '../core/service'
import type { MeterProviderLike } from './open-telemetry'
import type { PrometheusRegistry } from './prometheus-client'
import type { MetricRegistry } from './registry'

/** The metrics of this process. */
export interface CurrentMetrics {
  registry: MetricRegistry
  /** Registries of the app, whose metrics the route shows, too. */
  included: Set<Pick<PrometheusRegistry, 'getMetricsAsJSON'>>
  /** Updates the gauges. Calls within one turn of the event loop update them once. */
  read: () => void
  addMeterProvider: (provider: MeterProviderLike) => void
}

/** Access to the metrics of this process. */
export const metricsService = defineService<CurrentMetrics>(
  'useMetrics() was called before the server started, or scale.metrics is off: call it in a handler or a plugin, and add metrics: {}.',
)
