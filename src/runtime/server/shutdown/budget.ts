import type { ClosingLimit } from '../core/closing'
import type { ShutdownSettings } from './settings'

/** Milliseconds that are reserved for closing pools and Redis and for the last log lines. */
const FOR_THE_REST = 2000

/**
 * Checks whether all steps of the shutdown fit into the grace period.
 *
 * @param limits longest times of the features
 * @returns a warning if they do not fit; undefined otherwise
 */
export function checkBudget({ drainDelay, timeout, gracePeriod }: ShutdownSettings, limits: readonly ClosingLimit[]): string | undefined {
  const parts = [{ option: 'drainDelay', milliseconds: drainDelay }, { option: 'timeout', milliseconds: timeout }, ...limits]
  const needed = parts.reduce((sum, { milliseconds }) => sum + milliseconds, FOR_THE_REST)
  if (needed <= gracePeriod) return undefined
  const list = parts.map(({ option, milliseconds }) => `${option} ${seconds(milliseconds)}`).join(', ')
  return `The shutdown may take ${seconds(needed)} (${list}, and ${seconds(FOR_THE_REST)} for the rest), `
    + `but the process is killed after ${seconds(gracePeriod)} (scale.shutdown.gracePeriod): `
    + 'shorten one of these times, or raise gracePeriod together with the grace period of your orchestrator.'
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`
}
