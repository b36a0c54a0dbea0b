import type { Connections } from './connections'
import type { ShutdownSettings } from './settings'

/** Dependencies of {@link createDrain}. */
export interface DrainOptions {
  settings: ShutdownSettings
  connections: Connections
  log: { info: (sentence: string) => void, warn: (sentence: string) => void }
  /**
   * Called first: from now on the instance should get no new requests.
   * @param deadline time of `performance.now()` by which the shutdown must be complete
   */
  begin: (deadline: number) => void
  /** Starts the shutdown of Nitro: the listener, the connections, and the `close` hooks, in which the features close. */
  close: () => void
  /** Whether the module may exit the process at the deadline. */
  mayExit: boolean
  /** Exits the process at once. */
  exit: (code: number) => void
  wait: (milliseconds: number) => Promise<unknown>
}

/** Milliseconds of the grace period that are reserved, so that the process can exit itself and log the reason. */
const MARGIN = 1000
/**
 * Milliseconds within which a second signal counts as the same one.
 * A terminal sends a signal to a whole process group, and a member of the group may forward it again.
 */
const ECHO = 100
/** Numbers of the signals, for the exit code (128 + number). */
const NUMBERS: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 2, SIGTERM: 15 }

/**
 * Creates the listener for shutdown signals.
 *
 * During `drainDelay`, readiness is 503, and the instance still answers requests but closes each connection after its response.
 * Then it accepts no new connections and closes streams, running requests have `timeout` to finish, and Nitro closes.
 * A second signal exits the process at once.
 */
export function createDrain(options: DrainOptions): (signal: NodeJS.Signals) => void {
  const { settings, connections, log, begin, close, mayExit, exit, wait } = options
  const { drainDelay, timeout, gracePeriod } = settings
  let began: number | undefined

  function overrun(signal: NodeJS.Signals, budget: number): void {
    log.warn(
      `The shutdown was not complete ${Math.round(budget)} ms after ${signal}, shortly before scale.shutdown.gracePeriod is over. `
      + 'The process exits and aborts all remaining work.',
    )
    exit(1)
  }

  async function drain(signal: NodeJS.Signals, start: number): Promise<void> {
    const budget = gracePeriod - Math.min(MARGIN, gracePeriod / 4)
    begin(start + budget)
    if (mayExit) setTimeout(() => overrun(signal, budget), budget).unref()
    log.info(`Received ${signal}. The instance is no longer ready, and stops accepting connections in ${drainDelay} ms.`)
    connections.closeAfterResponse()
    await wait(drainDelay)
    const cutting = setTimeout(() => {
      const count = connections.cut()
      if (count > 0) log.warn(`${count} requests took longer than scale.shutdown.timeout (${timeout} ms) and were aborted.`)
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
