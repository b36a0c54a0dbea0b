import process from 'node:process'
import { styleText } from 'node:util'
import type { ConsolaInstance } from 'consola'
import { createConsola } from 'consola'
import { renderBar } from './progress'

/** Where a command writes: its result on stdout, all else on stderr. */
export interface Terminal {
  /** For people, on stderr. */
  log: ConsolaInstance
  /** The result: `data` under `--json`, else `text`. */
  result: (data: unknown, text: string) => void
  /** A bar, on a terminal only. */
  progress: (label: string, total: number) => ProgressBar
  /** Makes a word stand out, on a terminal only. */
  paint: (style: Parameters<typeof styleText>[0], text: string) => string
  /** Gives stdout back. */
  close: () => void
}

/** A bar in the last line of a terminal. */
export interface ProgressBar {
  /** How much is done, and what is under way. */
  update: (done: number, detail?: string) => void
  end: () => void
}

/**
 * @param options `json` and `resultOnly` send what others write to stdout (a nuxt.config that logs) to stderr, so that stdout holds the document alone
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
