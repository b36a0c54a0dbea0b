import { withDeadline } from '../deadline'

/** One dependency of the app. It resolves when the dependency works. */
export interface HealthCheck {
  name: string
  run: () => Promise<unknown>
}

export interface HealthReport {
  status: 'ok' | 'error'
  /** When the checks ran. */
  timestamp: string
  checks: Record<string, { status: 'ok' | 'error', milliseconds: number }>
}

/**
 * Runs checks in parallel, each under its deadline, and keeps the answer for a moment: probes of many balancers cost one check.
 * What went wrong stays out of the report, since errors name hosts.
 *
 * @param checks what to look at
 * @param settings milliseconds
 */
export function createHealth(checks: readonly HealthCheck[], settings: { timeout: number, cacheTtl: number }): () => Promise<HealthReport> {
  let latest: Promise<HealthReport> | undefined
  let usableUntil = 0
  return () => {
    if (latest === undefined || performance.now() >= usableUntil) {
      usableUntil = Infinity
      latest = report(checks, settings.timeout).finally(() => {
        usableUntil = performance.now() + settings.cacheTtl
      })
    }
    return latest
  }
}

async function report(checks: readonly HealthCheck[], timeout: number): Promise<HealthReport> {
  const results = await Promise.all(checks.map(async (check) => {
    const start = performance.now()
    const status = await passes(check, timeout) ? 'ok' as const : 'error' as const
    return [check.name, { status, milliseconds: Math.round(performance.now() - start) }] as const
  }))
  return {
    status: results.every(([, result]) => result.status === 'ok') ? 'ok' : 'error',
    timestamp: new Date().toISOString(),
    checks: Object.fromEntries(results),
  }
}

function passes(check: HealthCheck, timeout: number): Promise<boolean> {
  // Behind a turn, so that a check that throws at once has failed like any other.
  const work = Promise.resolve().then(check.run)
  return withDeadline(work, timeout, () => new Error(`The health check ${check.name} took longer than ${timeout} ms.`)).then(() => true, () => false)
}
