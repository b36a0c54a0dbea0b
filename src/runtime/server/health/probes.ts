import type { EventLoopLag } from './event-loop-lag'
import type { HealthReport, HealthStatus } from './report'
import { defineService } from '../core/service'
import type { HealthSettings } from './settings'

/** The answer to a probe. */
export interface ProbeAnswer {
  /** HTTP status: 200 or 503. */
  code: number
  status: HealthStatus
  timestamp: string
  checks?: HealthReport['checks']
}

/** The probes of orchestrators and load balancers. */
export interface Probes {
  /** Fails if the process should be restarted. It runs no checks, because a restart does not repair a database that is down. */
  live: () => ProbeAnswer
  /** Fails if the instance should not receive requests. */
  ready: () => Promise<ProbeAnswer>
  /** Fails until the instance has started. After its first success it never fails again. */
  startup: () => Promise<ProbeAnswer>
}

/** Dependencies of {@link createProbes}. */
export interface ProbesOptions {
  report: () => Promise<HealthReport>
  isDraining: () => boolean
  lag: () => EventLoopLag
  /** Mean lag in milliseconds above which the liveness probe fails; undefined for no limit. */
  maxEventLoopLag: number | undefined
}

export function createProbes({ report, isDraining, lag, maxEventLoopLag }: ProbesOptions): Probes {
  let started = false
  const say = (status: HealthStatus): ProbeAnswer => ({ code: codeOf(status), status, timestamp: new Date().toISOString() })
  const look = async () => {
    const seen = await report()
    if (seen.status !== 'error') started = true
    return { code: codeOf(seen.status), ...seen }
  }
  return {
    live: () => say(maxEventLoopLag !== undefined && lag().mean > maxEventLoopLag ? 'error' : 'ok'),
    // While the instance shuts down, it is not ready and runs no checks.
    ready: async () => isDraining() ? say('error') : look(),
    startup: async () => started ? say('ok') : look(),
  }
}

function codeOf(status: HealthStatus): number {
  return status === 'error' ? 503 : 200
}

/** The health feature of this process. */
export interface CurrentHealth {
  settings: HealthSettings
  probes: Probes
  lag: () => EventLoopLag
}

/** The health feature of this process. It is a function because the checks are collected at the first probe. */
export const healthService = defineService<() => CurrentHealth>('A health probe arrived before the server had started.')
