import type { ConsolaReporter, LogObject } from 'consola/basic'
import { formatWithOptions } from 'node:util'

/** Longest message and longest stack of one line, in characters. */
const MOST_MESSAGE = 8192
const MOST_STACK = 8192

/** Names of the levels of consola, from 0. */
const LEVELS = ['error', 'warn', 'info', 'info', 'debug', 'trace'] as const

/** Options of {@link createJsonReporter}. */
export interface JsonReporterOptions {
  /** Returns the fields of the current call, such as the request id. */
  fields: () => object
  /** Writes one line. The line has no newline. */
  write: (line: string) => void
}

/** Creates a reporter that writes each log line as one JSON object in one line. */
export function createJsonReporter({ fields, write }: JsonReporterOptions): ConsolaReporter {
  return { log: line => write(JSON.stringify(recordOf(line, fields()))) }
}

function recordOf({ date, level, type, tag, args }: LogObject, fields: object): object {
  const error = args.find(argument => argument instanceof Error)
  const rest = args.filter(argument => argument !== error)
  return {
    time: date.toISOString(),
    level: type === 'fatal' ? 'fatal' : LEVELS[level] ?? 'info',
    source: tag || undefined,
    message: shorten(rest.length > 0 || !error ? formatWithOptions({ colors: false, depth: 4 }, ...rest) : error.message, MOST_MESSAGE),
    ...fields,
    error: error && errorOf(error),
  }
}

/** The fields of an error in a log line. */
function errorOf(error: Error): object {
  const { code, statusCode, cause } = error as Error & { code?: unknown, statusCode?: unknown }
  return {
    name: error.name,
    code: typeof code === 'string' || typeof code === 'number' ? code : undefined,
    status: typeof statusCode === 'number' ? statusCode : undefined,
    message: shorten(error.message, MOST_MESSAGE),
    stack: error.stack && shorten(error.stack, MOST_STACK),
    cause: cause instanceof Error ? shorten(cause.message, MOST_MESSAGE) : undefined,
  }
}

function shorten(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text
}
