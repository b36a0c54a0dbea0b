import type { ReadStream, WriteStream } from 'node:tty'

/** A part of the terminal that is redrawn in place. */
export interface Screen {
  draw: (lines: readonly string[]) => void
  /** Keeps the last picture on the terminal, and restores the terminal settings. */
  close: () => void
}

/** Opens a screen. `onKey` receives the pressed keys, including Ctrl-C as `\u0003`. */
export function openScreen(input: ReadStream, output: WriteStream, onKey: (key: string) => void): Screen {
  let drawn = 0
  const onData = (text: Buffer) => onKey(text.toString())
  input.setRawMode(true)
  input.on('data', onData)
  output.write('\u001B[?25l')
  return {
    draw(lines) {
      const up = drawn > 0 ? `\u001B[${drawn}A` : ''
      output.write(`${up}${lines.map(line => `\u001B[2K${line}\n`).join('')}\u001B[0J`)
      drawn = lines.length
    },
    close() {
      input.off('data', onData)
      input.setRawMode(false)
      input.pause()
      output.write('\u001B[?25h')
    },
  }
}
