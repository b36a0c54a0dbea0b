import process from 'node:process'
import { styleText } from 'node:util'
import type { ConsolaInstance } from 'consola'
import { createConsola } from 'consola'
import { renderBar } from './progress'

/** Output of a command: the result goes to stdout, everything else to stderr. */
export interface Terminal {
  /** Messages for the user, on stderr. */
  log: ConsolaInstance
  /** Prints the result: `data` with `--json`, else `text`. */
  result: (data: unknown, text: string) => void
  /** Shows a progress bar, only on a terminal. */
  progress: (label: string, total: number) => ProgressBar
  /** Styles a string, only on a terminal. */
  paint: (style: Parameters<typeof styleText>[0], text: string) => string
  /** Restores stdout. */
  close: () => void
}

/** A progress bar in the last line of a terminal. */
interface ProgressBar {
  /** Sets the finished count and the current item. */
  update: (done: number, detail?: string) => void
  end: () => void
}

/**
 * Opens the output of a command.
 *
 * @param options with `json` or `resultOnly`, other output to stdout (such as the logs of a nuxt.config) goes to stderr,
 * so that stdout contains only the document
 */
export function openTerminal({ json, resultOnly = false }: { json: boolean, resultOnly?: boolean }): Terminal {
  const { stdout, stderr } = process
  const write = stdout.write.bind(stdout)
  if (json || resultOnly) stdout.write = stderr.write.bind(stderr) as typeof stdout.write
  const log = createConsola({ stdout: stderr, stderr, formatOptions: { date: false, colors: stderr.isTTY, compact: true } })
  let shown = false
  const clear = () => {
    if (shown) stderr.write('\r\u001B[K')
    shown = false
  }
  return {
    log,
    result: (data, text) => void write(json ? `${JSON.stringify(data, null, 2)}\n` : `${text}\n`),
    paint: (style, text) => stdout.isTTY && !json ? styleText(style, text) : text,
    progress(label, total) {
      if (!stderr.isTTY) return { update: () => {}, end: () => {} }
      return {
        update(done, detail) {
          clear()
          stderr.write(renderBar({ label, done, total, detail, columns: stderr.columns }))
          shown = true
        },
        end: clear,
      }
    },
    close() {
      clear()
      stdout.write = write
    },
  }
}

/** Renders a table with a head. Spaces align the columns; numbers are aligned to the right. */
export function renderTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => String(row[column] ?? '').length)))
  const line = (row: readonly (string | number)[]) => widths
    .map((width, column) => typeof row[column] === 'number' ? String(row[column]).padStart(width) : String(row[column] ?? '').padEnd(width))
    .join('  ')
    .trimEnd()
  return [line(head), ...rows.map(line)].join('\n')
}
