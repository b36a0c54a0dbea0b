import { exitCodes } from '../support/command'
import type { Ledger, LedgerEntry } from './ledger'
import { fingerprint, hasSucceeded } from './ledger'
import type { CommandResult } from './run-command'
import type { MigrationTarget } from './targets'

/** Result for one database. */
export interface MigrationOutcome {
  names: string[]
  /** `done`: skipped by `--resume` because it had succeeded before. `not-run`: a canary failed, or the run was interrupted. */
  status: 'ok' | 'failed' | 'done' | 'not-run'
  milliseconds?: number
  exitCode?: number | null
  message?: string
}

/** Options of {@link migrateAll}. */
export interface MigrateOptions {
  command: string
  release: string
  concurrency: number
  /** Number of databases that run first. If one of them fails, the others do not run. */
  canary: number
  /** Whether to skip databases where this command has succeeded for this release. */
  resume: boolean
  signal: AbortSignal
  /** Runs the command for one database. */
  run: (target: MigrationTarget) => Promise<CommandResult>
  /** Saves the ledger. It is called after every database, never concurrently. */
  save: (ledger: Ledger) => Promise<void>
  onProgress?: (done: number, target: MigrationTarget, result: CommandResult) => void
}

/**
 * Runs a command for every database: the canaries first, then the others, with up to `concurrency` at the same time.
 * If a canary fails, the others do not run. A later failure does not stop the run.
 *
 * @param ledger results of earlier runs; entries of other databases are kept
 * @returns one outcome for each database, in the same order
 */
export async function migrateAll(
  targets: readonly MigrationTarget[],
  ledger: Ledger,
  options: MigrateOptions,
): Promise<MigrationOutcome[]> {
  const { command, release, signal, run, save, onProgress } = options
  const outcomes = targets.map<MigrationOutcome>(target => ({
    names: target.names,
    status: options.resume && hasSucceeded(ledger, target, options) ? 'done' : 'not-run',
  }))
  const waiting = targets.flatMap((target, index) => outcomes[index]!.status === 'done' ? [] : [{ target, index }])
  const entries = { ...ledger.entries }
  let done = 0
  let saved = Promise.resolve()

  async function migrateOne({ target, index }: { target: MigrationTarget, index: number }): Promise<boolean> {
    const startedAt = new Date().toISOString()
    const result = await run(target)
    const { ok, exitCode, milliseconds, message } = result
    const status = ok ? 'ok' : 'failed'
    outcomes[index] = { names: target.names, status, milliseconds, exitCode, ...message !== undefined && { message } }
    const entry: LedgerEntry = {
      status,
      command,
      release,
      database: fingerprint(target),
      startedAt,
      milliseconds,
      exitCode,
      ...message !== undefined && { message },
    }
    for (const name of target.names) entries[name] = entry
    saved = saved.then(() => save({ version: 1, entries: { ...entries } }))
    await saved
    onProgress?.(++done, target, result)
    return ok
  }

  async function runLanes(work: typeof waiting): Promise<boolean> {
    const queue = work.values()
    let allOk = true
    const lane = async () => {
      for (const item of queue) {
        if (signal.aborted) return
        if (!await migrateOne(item)) allOk = false
      }
    }
    await Promise.all(Array.from({ length: Math.min(options.concurrency, work.length) }, lane))
    return allOk
  }

  const canaries = waiting.slice(0, options.canary)
  if (await runLanes(canaries) && !signal.aborted) await runLanes(waiting.slice(canaries.length))
  return outcomes
}

/** Exit code: 0 if every database is up to date, 2 if some are, 1 if none is. */
export function exitCodeOf(outcomes: readonly MigrationOutcome[]): number {
  const good = outcomes.filter(({ status }) => status === 'ok' || status === 'done').length
  if (good === outcomes.length) return exitCodes.ok
  return good > 0 ? exitCodes.partial : exitCodes.error
}
