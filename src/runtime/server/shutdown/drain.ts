import type { Connections } from './connections'
import type { ShutdownSettings } from './settings'

export interface DrainOptions {
  settings: ShutdownSettings
  connections: Connections
  log: { info: (sentence: string) => void, warn: (sentence: string) => void }
  /** Called first: from now on nothing new should come here. @param deadline when all must be over, in the time of `performance.now()` */
  begin: (deadline: number) => void
  /** Lets Nitro close: the listener, the connections, and its `close` hooks, in which the features end. */
  close: () => void
  /** Whether a process that is not done in time may be ended. */
  mayExit: boolean
  /** Ends the process at once. */
  exit: (code: number) => void
  wait: (milliseconds: number) => Promise<unknown>
}

/** Of the grace period, in milliseconds, so that the process ends by itself and says why. */
const MARGIN = 1000
/** A signal again within this time is the same one: a terminal sends it to a whole group, of which one member may pass it on. */
const ECHO = 100
/** Codes of the signals, for the exit code that says which one it was (128 + n). */
const NUMBERS: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 2, SIGTERM: 15 }

/**
 * What a signal leads to: readiness is 503 while requests are answered for `drainDelay`, each on a connection that ends with it;
 * then nothing new is taken and streams end, requests that are under way have `timeout`, and Nitro closes. A second signal ends the process at once.
 *
 * @returns a listener of signals
 */
export function createDrain({ settings, connections, log, begin, close, mayExit, exit, wait }: DrainOptions): (signal: NodeJS.Signals) => void {
  const { drainDelay, timeout, gracePeriod } = settings
  let began: number | undefined

  function overrun(signal: NodeJS.Signals, budget: number): void {
    log.warn(`Not everything had ended ${Math.round(budget)} ms after ${signal}, shortly before the end of scale.shutdown.gracePeriod: what is left is cut off.`)
    exit(1)
  }

  async function drain(signal: NodeJS.Signals, start: number): Promise<void> {
    const budget = gracePeriod - Math.min(MARGIN, gracePeriod / 4)
    begin(start + budget)
    if (mayExit) setTimeout(() => overrun(signal, budget), budget).unref()
    log.info(`${signal}: no longer ready, and ending in ${drainDelay} ms.`)
    connections.closeAfterResponse()
    await wait(drainDelay)
    const cutting = setTimeout(() => {
      const count = connections.cut()
      if (count > 0) log.warn(`${count} requests took longer than scale.shutdown.timeout (${timeout} ms) and were cut off.`)
    }, timeout)
    cutting.unref()
    await Promise.all([connections.stopListening(), connections.endStreams()])
    close()
  }

  return (signal) => {
    const now = performance.now()
    if (began !== undefined) {
      if (now - began > ECHO) exit(128 + (NUMBERS[signal] ?? 15))
      return
    }
    began = now
    void drain(signal, now)
  }
}
