import type { WriteStream } from 'node:tty'

/** A line that says what is being done now, and is gone when something else is printed. */
export interface Progress {
  show: (text: string) => void
  clear: () => void
}

/** On a terminal one line that is written over; elsewhere nothing, so that a log holds results only. */
export function createProgress(stream: WriteStream): Progress {
  const write = (text: string) => {
    if (stream.isTTY) stream.write(`\r\u001B[2K${text.slice(0, (stream.columns ?? 80) - 1)}`)
  }
  return { show: write, clear: () => write('') }
}
