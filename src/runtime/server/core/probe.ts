import { withDeadline } from './deadline'

/** Undefined when all is well, else what is wrong in a word or two, without anything secret. */
export type ProbeFault = string | undefined

/** What a probe runs. */
export interface ProbeOptions {
  /** Milliseconds. */
  timeout: number
  /** Has failed when it throws, rejects, or gives `false`. */
  run: (signal: AbortSignal) => unknown
}

/** So many deadlines later a run that never ended is given up, and the next probe begins another. */
const DEADLINES_TO_WAIT = 10

/**
 * Makes a check repeatable. A run that hangs is waited for again instead of a second one being put on top of it: each would hold a connection.
 *
 * @param now milliseconds of a clock that does not jump
 */
export function createProbe({ timeout, run }: ProbeOptions, now: () => number = () => performance.now()): () => Promise<ProbeFault> {
  let running: Promise<ProbeFault> | undefined
  let began = 0

  function begin(): Promise<ProbeFault> {
    began = now()
    // Behind a turn, so that a check that throws at once has failed like any other.
    const work: Promise<ProbeFault> = Promise.resolve()
      .then(() => run(AbortSignal.timeout(timeout)))
      .then(result => result === false ? 'it returned false' : undefined, describeFault)
      .finally(() => {
        if (running === work) running = undefined
      })
    return work
  }

  return () => {
    if (!running || now() - began > timeout * DEADLINES_TO_WAIT) running = begin()
    return withDeadline(running, timeout, () => new Error('late')).catch(() => `no answer within ${timeout} ms`)
  }
}

/** The kind of an error: its message may name hosts and hold passwords. */
function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return 'it threw'
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^\w{1,40}$/.test(code) ? `${error.name} ${code}` : error.name
}
