/** The log of the connection. It gets one line when Redis becomes unavailable and one when it is available again. */
export interface RedisLog {
  info: (message: string) => void
  warn: (message: string) => void
}

/** Reports to the log and to listeners whether Redis is available. */
export interface AvailabilityListeners {
  /** Calls `listener` at each announcement. Returns a function that removes the listener. */
  listen: (listener: (available: boolean) => void) => () => void
  /** Reports that Redis became available, or unavailable for `reason`. If a listener throws, the others are still called. */
  announce: (available: boolean, reason: string) => void
  /** Removes all listeners. */
  clear: () => void
}

/** @param address name of Redis in the log; it must not contain a secret */
export function createAvailabilityListeners(address: string, log: RedisLog): AvailabilityListeners {
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
