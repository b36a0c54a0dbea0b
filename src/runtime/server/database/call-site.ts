import { existsSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Frames of the platform, of packages and of this module. */
const NOT_OF_THE_APP = /^node:|\/node_modules\/|\/(?:src|dist)\/runtime\/server\//
const FRAME = /(?:\(|at (?:async )?)((?:file:\/\/|\/|[a-z]:[\\/])[^()]*):(\d+):(\d+)\)?$/i

const sourceMaps = new Map<string, SourceMap | undefined>()

/**
 * Where the code of the app called, as `server/api/orders.get.ts:12:5`; undefined when only others are on the stack.
 *
 * @param below the function whose callers are looked at
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

/** A development server runs a bundle, and says beside it where each line came from. */
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
    return existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as ConstructorParameters<typeof SourceMap>[0]) : undefined
  }
  catch {
    // Without a map the line of the bundle has to do.
    return undefined
  }
}
