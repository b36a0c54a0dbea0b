import { existsSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Stack frames of Node, of packages and of this module. */
const NOT_OF_THE_APP = /^node:|\/node_modules\/|\/(?:src|dist)\/runtime\/server\//
const FRAME = /(?:\(|at (?:async )?)((?:file:\/\/|\/|[a-z]:[\\/])[^()]*):(\d+):(\d+)\)?$/i

const sourceMaps = new Map<string, SourceMap | undefined>()

/**
 * Finds the place in the app's code that made a call, such as `server/api/orders.get.ts:12:5`.
 *
 * @param below the called function; only its callers are searched
 * @returns undefined if the stack contains no code of the app
 */
export function callSite(below: (...args: never[]) => unknown): string | undefined {
  const { stackTraceLimit } = Error
  const holder: { stack?: string } = {}
  Error.stackTraceLimit = 50
  Error.captureStackTrace(holder, below)
  const stack = holder.stack ?? ''
  Error.stackTraceLimit = stackTraceLimit
  for (const line of stack.split('\n')) {
    const [, file, row, column] = FRAME.exec(line) ?? []
    if (!file) continue
    const site = original(file.startsWith('file:') ? fileURLToPath(file) : file, Number(row), Number(column))
    if (!NOT_OF_THE_APP.test(site.replaceAll('\\', '/'))) return relative(process.cwd(), site)
  }
  return undefined
}

/** Maps a position in the bundle of the development server to the source file, with the source map beside the bundle. */
function original(file: string, row: number, column: number): string {
  const entry = sourceMapOf(file)?.findEntry(row - 1, column - 1)
  return entry && 'originalSource' in entry
    ? `${resolve(dirname(file), entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
    : `${file}:${row}:${column}`
}

function sourceMapOf(file: string): SourceMap | undefined {
  if (!sourceMaps.has(file)) sourceMaps.set(file, readSourceMap(`${file}.map`))
  return sourceMaps.get(file)
}

function readSourceMap(path: string): SourceMap | undefined {
  try {
    if (!existsSync(path)) return undefined
    return new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as ConstructorParameters<typeof SourceMap>[0])
  }
  catch {
    // The position in the bundle is used if its source map cannot be read.
    return undefined
  }
}
