/** Where the connection writes one line when Redis is lost and one when it is back. */
export interface RedisLog {
  info: (message: string) => void
  warn: (message: string) => void
}

/** Tells the log and the listeners whether Redis can be used. */
export interface AvailabilityNews {
  /** Calls `listener` at each announcement. Returns a function that stops it. */
  listen: (listener: (available: boolean) => void) => () => void
  /** Redis became available, or stopped being so for a reason. A listener that throws does not keep it from the others. */
  announce: (available: boolean, reason: string) => void
  /** Forgets every listener. */
  clear: () => void
}

/** @param address what to call Redis in the log; without a secret */
export function createAvailabilityNews(address: string, log: RedisLog): AvailabilityNews {
  const listeners = new Set<(available: boolean) => void>()
  return {
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    announce(available, reason) {
      if (available) {
        log.info(`Redis at ${address} is available again.`)
      }
      else {
        log.warn(`Redis at ${address} is not available: ${reason}`)
      }
      for (const listener of [...listeners]) {
        try {
          listener(available)
        }
        catch (error) {
          log.warn(`A listener for the availability of Redis failed: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
    },
    clear() {
      listeners.clear()
    },
  }
}
