import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping'
import { LRUCache } from 'lru-cache'
import type { StackFrame } from '../../app/parse-stack'
import { createThrottle } from '../core/gcra'
import type { ClientError, ResolvedFrame } from './types'

/** Folder of the source maps of the client, in the folder of the server. */
export const MAPS_FOLDER = 'client-maps'

/** Largest size of all maps in memory, in bytes of their files. */
const MOST_BYTES = 64 * 1024 ** 2
const MOST_STACKS = 500
/** Maps that may be read per second, and at once. They bound the work that forged stacks can cause. */
const READS = { rate: 10, burst: 50 }

/**
 * Creates a function that finds the places of a stack in the sources of the app. It reads a map when a stack first needs it, and
 * remembers recently used maps and stacks.
 *
 * @param folderOf returns the folder with the maps. It is called at the first stack
 * @param now milliseconds of a monotonic clock
 */
export function createStackResolver(
  folderOf: () => string, now?: () => number,
): (error: Pick<ClientError, 'frames'>) => Promise<ResolvedFrame[]> {
  const maps = new LRUCache<string, Promise<TraceMap | undefined>>({ maxSize: MOST_BYTES })
  const stacks = new LRUCache<string, ResolvedFrame[]>({ max: MOST_STACKS })
  const reads = createThrottle(READS.rate, READS.burst, now)
  let listing: Promise<{ folder: string, names: Set<string> }> | undefined

  async function list(): Promise<{ folder: string, names: Set<string> }> {
    const folder = folderOf()
    return { folder, names: new Set(await readdir(folder).catch(() => [])) }
  }

  /** Finds the map of a file. The name is compared with the folder, so that a forged stack reads no other file. */
  async function mapOf(file: string): Promise<TraceMap | undefined> {
    const name = `${file.slice(file.lastIndexOf('/') + 1)}.map`
    const { folder, names } = await (listing ??= list())
    if (!names.has(name)) return undefined
    const known = maps.get(name)
    if (known) return known
    if (reads.take() > 0) return undefined
    const path = join(folder, name)
    const { size } = await stat(path)
    const reading = maps.get(name) ?? readFile(path, 'utf8').then(content => new TraceMap(content)).catch(() => undefined)
    // A map that is larger than the whole memory is not remembered.
    maps.set(name, reading, { size: Math.max(1, size) })
    return reading
  }

  async function resolveFrame([name, file, line, column]: StackFrame): Promise<ResolvedFrame> {
    const map = line > 0 && column > 0 ? await mapOf(file) : undefined
    const found = map && originalPositionFor(map, { line, column: column - 1 })
    if (!found || found.source === null) return { name, file, line, column, component: undefined, resolved: false }
    return {
      name: found.name ?? name,
      file: found.source,
      line: found.line,
      column: found.column + 1,
      component: /([^/]+)\.vue$/.exec(found.source)?.[1],
      resolved: true,
    }
  }

  return async ({ frames }) => {
    const key = frames.join('\n')
    const known = stacks.get(key)
    if (known) return known
    const resolved: ResolvedFrame[] = []
    // One after another, so that one stack holds one map at a time.
    for (const frame of frames) resolved.push(await resolveFrame(frame))
    if (resolved.some(frame => frame.resolved)) stacks.set(key, resolved)
    return resolved
  }
}
