import type { ProbeFault } from '../core/probe'
import { createProbe } from '../core/probe'
import type { HealthCheck } from './check'
import type { HealthLevel } from './types'

export type HealthStatus = 'ok' | 'degraded' | 'error'

export interface HealthReport {
  /** `error`: a critical check failed; `degraded`: another one did. */
  status: HealthStatus
  /** When the checks ran. */
  timestamp: string
  checks: Record<string, { status: 'ok' | 'error', level: HealthLevel, milliseconds: number }>
}

export interface ReporterOptions {
  checks: readonly HealthCheck[]
  /** Milliseconds that an answer is used again. */
  cacheTtl: number
  /** Called when a check begins to fail, and when it passes again. */
  onChange?: (check: HealthCheck, fault: ProbeFault) => void
}

/**
 * Runs checks in parallel, each under its deadline, and keeps the answer for a moment: probes of many balancers cost one check.
 * What went wrong stays out of the report, since errors name hosts.
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
      return { ...check, failed: fault !== undefined, milliseconds: Math.round(performance.now() - start) }
    }))
    const failed = results.filter(result => result.failed)
    return {
      status: failed.some(({ level }) => level === 'critical') ? 'error' : failed.length > 0 ? 'degraded' : 'ok',
      timestamp: new Date().toISOString(),
      checks: Object.fromEntries(results.map(({ name, level, failed, milliseconds }) => [name, { status: failed ? 'error' : 'ok', level, milliseconds }])),
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
