import process from 'node:process'

/** What Ctrl-C sets off. */
export interface Interrupt {
  /** Aborted at the first SIGINT or SIGTERM. */
  signal: AbortSignal
  close: () => void
}

/** Hears SIGINT and SIGTERM once: a second one ends the process as usual. */
export function onInterrupt(heard: () => void): Interrupt {
  const controller = new AbortController()
  const handler = () => {
    close()
    heard()
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
