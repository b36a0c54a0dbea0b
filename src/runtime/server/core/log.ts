// The basic build, because a server log needs no prompts and colours, which are four fifths of the package.
import type { ConsolaReporter } from 'consola/basic'
import { consola } from 'consola/basic'

let replacement: ConsolaReporter | undefined

/** Sends each line to the reporters of the app's consola, unless the feature `log` has replaced them. */
const reporter: ConsolaReporter = {
  log(line, context) {
    for (const target of replacement ? [replacement] : consola.options.reporters) target.log(line, context)
  },
}

const logOfModule = consola.create({ reporters: [reporter] })

/** Creates a logger that adds the module and the feature to every line. */
export function createLog(feature: string) {
  return logOfModule.withTag(`nuxt-scale:${feature}`)
}

/** Whether {@link replaceReporter} has replaced the reporters. */
export function isReporterReplaced(): boolean {
  return replacement !== undefined
}

/** Replaces the reporters of all lines of the module, also of loggers that exist already. `undefined` restores them. */
export function replaceReporter(next: ConsolaReporter | undefined): void {
  replacement = next
}

/**
 * Creates a function that runs a task at most once per interval, and skips it otherwise. Input of clients can then not fill the log.
 *
 * @param interval milliseconds
 */
export function atMostEvery(interval: number, now: () => number = () => performance.now()): (task: () => void) => void {
  let last = -Infinity
  return (task) => {
    const moment = now()
    if (moment - last < interval) return
    last = moment
    task()
  }
}

/** Control characters of C1, and characters that change the writing direction. JSON leaves them as they are. */
const UNESCAPED = /[\u007F-\u009F\u2028-\u202E\u2066-\u2069]/g

/** Quotes a string of a client for a log line: as JSON, with every character escaped that a terminal could interpret. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(UNESCAPED, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
