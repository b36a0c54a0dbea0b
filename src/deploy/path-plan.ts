import type { PathPattern } from './checks'
import type { Topology } from './topology'

/** How the balancer treats a part of the app. */
export interface PathPlan extends PathPattern {
  /** `stream`: WebSockets and events. `shared`: stored, and the same for all users. `build`: shared files with hashes in their names. */
  kind: 'health' | 'stream' | 'shared' | 'build' | 'app'
}

/** The parts of an app that the balancer treats differently, the most specific first. The last part is everything else. */
export function planPaths({ streams, cache, health, buildFiles }: Topology): PathPlan[] {
  const healthPath: PathPattern[] = health ? [{ path: health.aggregate, tree: true }] : []
  const shared = cache?.shared ?? []
  const everything: PathPattern = { path: '', tree: true }
  const kindOf = (pattern: PathPattern): PathPlan['kind'] => {
    if (covered(pattern, healthPath)) return 'health'
    if (covered(pattern, streams)) return 'stream'
    if (covered(pattern, [buildFiles])) return 'build'
    return covered(pattern, shared) ? 'shared' : 'app'
  }
  const plans = new Map<string, PathPlan>()
  for (const pattern of [...healthPath, ...streams, buildFiles, ...shared, everything]) {
    plans.set(`${pattern.tree} ${pattern.path}`, { ...pattern, kind: kindOf(pattern) })
  }
  return [...plans.values()].sort((one, other) => other.path.length - one.path.length || Number(one.tree) - Number(other.tree))
}

function covered({ path, tree }: PathPattern, patterns: readonly PathPattern[]): boolean {
  return patterns.some(pattern => pattern.tree
    ? path === pattern.path || path.startsWith(`${pattern.path}/`)
    : !tree && path === pattern.path)
}
