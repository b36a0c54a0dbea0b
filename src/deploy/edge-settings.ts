import { parseDuration } from '../runtime/server/core/duration'
import { parseBytes, parseCount } from '../runtime/server/core/settings'
import type { PathPattern } from './checks'
import { parseFile, parsePathPattern, group } from './checks'
import type { DeployCache, DeployRateLimit } from './options'

export interface EdgeCacheSettings {
  path: string
  /** Bytes. */
  size: number
  /** Bytes. */
  memory: number
  /** Milliseconds. */
  inactive: number
  shared: readonly PathPattern[]
}

export interface EdgeLimitSettings {
  limit: number
  /** Milliseconds. */
  window: number
  burst: number
  paths: readonly PathPattern[]
}

const OPTION = 'scale.deploy'

/** @throws Error that names the entry that is not a path */
export function parsePaths(value: unknown, option: string, base: string): PathPattern[] {
  if (!Array.isArray(value)) {
    throw new TypeError(`${OPTION}.${option} is ${JSON.stringify(value)}: write a list of paths, such as ['/api/**'].`)
  }
  return value.map((pattern, index) => parsePathPattern(pattern, `${OPTION}.${option}[${index}]`, base))
}

/** @throws Error that names the wrong option */
export function parseCache(value: unknown, name: string, base: string): EdgeCacheSettings {
  const path = `${OPTION}.cache`
  const given = group(value, path, ['path', 'size', 'memory', 'inactive', 'shared'] satisfies (keyof DeployCache)[]) as DeployCache
  const memory = parseBytes(given.memory ?? '10mb', `${path}.memory`)
  if (memory < 64 * 1024) throw new TypeError(`${path}.memory is ${JSON.stringify(given.memory)}: write at least '64kb'.`)
  const inactive = parseDuration(given.inactive ?? '60m', `${path}.inactive`)
  if (inactive < 1000) throw new TypeError(`${path}.inactive is ${JSON.stringify(given.inactive)}: write a time of at least '1s'.`)
  return {
    path: parseFile(given.path ?? `/var/cache/nginx-${name}`, `${path}.path`),
    size: parseBytes(given.size ?? '1gb', `${path}.size`),
    memory,
    inactive,
    shared: parsePaths(given.shared ?? [], 'cache.shared', base),
  }
}

/** @throws Error that names the wrong option */
export function parseRateLimit(value: unknown, base: string): EdgeLimitSettings {
  const path = `${OPTION}.rateLimit`
  const given = group(value, path, ['limit', 'window', 'burst', 'paths'] satisfies (keyof DeployRateLimit)[]) as DeployRateLimit
  const limit = parseCount(given.limit ?? 10, `${path}.limit`)
  const window = parseDuration(given.window ?? 1, `${path}.window`)
  if (!Number.isInteger(limit * 60_000 / window)) {
    throw new TypeError(`${path} is ${limit} in ${window} ms: write a limit that is a whole number of `
      + `requests in a minute, as nginx requires.`)
  }
  return {
    limit,
    window,
    burst: parseCount(given.burst ?? 20, `${path}.burst`, 0),
    paths: parsePaths(given.paths ?? ['/api/**'], 'rateLimit.paths', base),
  }
}
