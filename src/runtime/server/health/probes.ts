import type { EventLoopLag } from './event-loop-lag'
import type { HealthReport, HealthStatus } from './report'

/** What a probe is told. */
export interface ProbeAnswer {
  /** 200 or 503. */
  code: number
  status: HealthStatus
  timestamp: string
  checks?: HealthReport['checks']
}

/** The questions that an orchestrator and a balancer ask. */
export interface Probes {
  /** Whether the process should be ended and begun anew. Asks nobody else: a database that is down is no better after a restart. */
  live: () => ProbeAnswer
  /** Whether requests should come here. */
  ready: () => Promise<ProbeAnswer>
  /** Whether the start is over. Once it is, it stays so. */
  startup: () => Promise<ProbeAnswer>
}

export interface ProbesOptions {
  report: () => Promise<HealthReport>
  isDraining: () => boolean
  lag: () => EventLoopLag
  /** Milliseconds of mean lag above which the process is not alive; undefined for no such limit. */
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
    // Told to end, it asks nobody any more.
    ready: async () => isDraining() ? say('error') : look(),
    startup: async () => started ? say('ok') : look(),
  }
}

function codeOf(status: HealthStatus): number {
  return status === 'error' ? 503 : 200
}
