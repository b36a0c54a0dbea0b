import type { ClosingLimit } from '../core/closing'
import type { ShutdownSettings } from './settings'

/** Milliseconds that are reserved for closing pools and Redis and for the last log lines. */
const FOR_THE_REST = 2000

/** Why the steps of the shutdown do not fit into the grace period. Neither part ends with a full stop. */
export interface BudgetProblem {
  problem: string
  /** Advice, which begins with a verb in lower case. */
  fix: string
}

/**
 * Checks whether all steps of the shutdown fit into the grace period.
 *
 * @param limits longest times of the features
 * @returns undefined if they fit
 */
export function checkBudget(settings: ShutdownSettings, limits: readonly ClosingLimit[]): BudgetProblem | undefined {
  const { drainDelay, timeout, gracePeriod } = settings
  const parts = [{ option: 'drainDelay', milliseconds: drainDelay }, { option: 'timeout', milliseconds: timeout }, ...limits]
  const needed = parts.reduce((sum, { milliseconds }) => sum + milliseconds, FOR_THE_REST)
  if (needed <= gracePeriod) return undefined
  const list = parts.map(({ option, milliseconds }) => `${option} ${seconds(milliseconds)}`).join(', ')
  return {
    problem: `The shutdown may take ${seconds(needed)} (${list}, and ${seconds(FOR_THE_REST)} for the rest), `
      + `but the process is killed after ${seconds(gracePeriod)} (scale.shutdown.gracePeriod)`,
    fix: 'shorten one of these times, or raise gracePeriod together with the grace period of your orchestrator',
  }
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`
}
