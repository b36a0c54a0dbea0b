import process from 'node:process'

/** State of an interruption by Ctrl-C or SIGTERM. */
export interface Interrupt {
  /** Aborted at the first SIGINT or SIGTERM. */
  signal: AbortSignal
  close: () => void
}

/** Handles the first SIGINT or SIGTERM. A second signal terminates the process as usual. */
export function onInterrupt(notify: () => void): Interrupt {
  const controller = new AbortController()
  const handler = () => {
    close()
    notify()
    controller.abort()
  }
  const close = () => {
    process.off('SIGINT', handler)
    process.off('SIGTERM', handler)
  }
  process.on('SIGINT', handler)
  process.on('SIGTERM', handler)
  return { signal: controller.signal, close }
}
