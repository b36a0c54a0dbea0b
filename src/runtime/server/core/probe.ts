import { withDeadline } from './deadline'

/** Result of a probe: undefined if the check passed, else a short reason without a secret. */
export type ProbeFault = string | undefined

/** Options of {@link createProbe}. */
export interface ProbeOptions {
  /** Deadline in milliseconds. */
  timeout: number
  /** Runs the check. The check has failed if it throws, rejects, or returns `false`. */
  run: (signal: AbortSignal) => unknown
}

/** After this many deadlines, a hanging run is abandoned and the next probe starts a new one. */
const DEADLINES_TO_WAIT = 10

/**
 * Creates a function that runs a check under its deadline.
 * While a run hangs, later probes wait for it and do not start another one, because each run could occupy a connection.
 *
 * @param now milliseconds of a monotonic clock
 */
export function createProbe({ timeout, run }: ProbeOptions, now: () => number = () => performance.now()): () => Promise<ProbeFault> {
  let running: Promise<ProbeFault> | undefined
  let began = 0

  function begin(): Promise<ProbeFault> {
    began = now()
    // Turns synchronous throws into rejections.
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

/** Returns the name and code of an error, but not its message, which may contain hosts and passwords. */
function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return 'it threw'
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^\w{1,40}$/.test(code) ? `${error.name} ${code}` : error.name
}
