import type { ReadStream, WriteStream } from 'node:tty'

/** A part of the terminal that is drawn over and over. */
export interface Screen {
  draw: (lines: readonly string[]) => void
  /** Leaves the last picture, and gives the terminal back. */
  close: () => void
}

/** Draws in place. `onKey` hears the keys; Ctrl-C is one of them, `\u0003`. */
export function openScreen(input: ReadStream, output: WriteStream, onKey: (key: string) => void): Screen {
  let drawn = 0
  const hear = (text: Buffer) => onKey(text.toString())
  input.setRawMode(true)
  input.on('data', hear)
  output.write('\u001B[?25l')
  return {
    draw(lines) {
      const up = drawn > 0 ? `\u001B[${drawn}A` : ''
      output.write(`${up}${lines.map(line => `\u001B[2K${line}\n`).join('')}\u001B[0J`)
      drawn = lines.length
    },
    close() {
      input.off('data', hear)
      input.setRawMode(false)
      input.pause()
      output.write('\u001B[?25h')
    },
  }
}
