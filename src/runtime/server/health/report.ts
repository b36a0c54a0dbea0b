import { instrument } from '../core/instruments'
import type { ProbeFault, ProbeOptions } from '../core/probe'
import { createProbe } from '../core/probe'
import type { HealthLevel } from './types'

const statuses = instrument('scale.health.check.status')
const durations = instrument('scale.health.check.duration')

/** A check of one dependency of the app. */
export interface HealthCheck extends ProbeOptions {
  name: string
  level: HealthLevel
}

export type HealthStatus = 'ok' | 'degraded' | 'error'

export interface HealthReport {
  /** `error`: a critical check failed. `degraded`: only non-critical checks failed. */
  status: HealthStatus
  /** Time at which the checks ran, in ISO 8601. */
  timestamp: string
  checks: Record<string, { status: 'ok' | 'error', level: HealthLevel, milliseconds: number }>
}

export interface ReporterOptions {
  checks: readonly HealthCheck[]
  /** Milliseconds for which a report is reused. */
  cacheTtl: number
  /** Called when a check starts to fail, and when it passes again. */
  onChange?: (check: HealthCheck, fault: ProbeFault) => void
}

/**
 * Creates a function that runs all checks in parallel, each with its deadline.
 * It reuses a report for a short time, so that the probes of many load balancers cost one run.
 * The report does not contain error messages, because they name hosts.
 */
export function createReporter({ checks, cacheTtl, onChange }: ReporterOptions): () => Promise<HealthReport> {
  const probes = checks.map(check => ({ check, probe: createProbe(check) }))
  const faults = new Map<string, ProbeFault>()
  let latest: Promise<HealthReport> | undefined
  let usableUntil = 0

  async function look(): Promise<HealthReport> {
    const results = await Promise.all(probes.map(async ({ check, probe }) => {
      const start = performance.now()
      const fault = await probe()
      if ((fault === undefined) !== (faults.get(check.name) === undefined)) onChange?.(check, fault)
      faults.set(check.name, fault)
      durations.record((performance.now() - start) / 1000, check.name)
      statuses.record(fault === undefined ? 1 : check.level === 'critical' ? 0 : 0.5, check.name)
      return { ...check, failed: fault !== undefined, milliseconds: Math.round(performance.now() - start) }
    }))
    const failed = results.filter(result => result.failed)
    return {
      status: failed.some(({ level }) => level === 'critical') ? 'error' : failed.length > 0 ? 'degraded' : 'ok',
      timestamp: new Date().toISOString(),
      checks: Object.fromEntries(results.map(({ name, level, failed, milliseconds }) =>
        [name, { status: failed ? 'error' : 'ok', level, milliseconds }])),
    }
  }

  return () => {
    if (latest === undefined || performance.now() >= usableUntil) {
      usableUntil = Infinity
      latest = look().finally(() => {
        usableUntil = performance.now() + cacheTtl
      })
    }
    return latest
  }
}
