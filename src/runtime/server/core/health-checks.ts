/** Features whose checks the health feature runs; `scale.health.checks` says what their failure means. */
export type CheckedFeature = 'redis' | 'rabbitmq' | 'database' | 'shards' | 'tenants'

/** What a feature depends on. */
export interface FeatureCheck {
  /** Unique, as the report shows it. */
  name: string
  feature: CheckedFeature
  /** Without it the instance is of no use at all, whatever `scale.health.checks` says. */
  essential?: boolean
  /** Resolves when the dependency works. @param timeout milliseconds until nobody waits any more */
  run: (timeout: number) => Promise<unknown>
}

const provided = new Map<string, FeatureCheck>()

/** Lets a feature say how to see whether it works. Called at boot, by the plugin of the feature. */
export function provideHealthCheck(check: FeatureCheck): void {
  provided.set(check.name, check)
}

export function providedHealthChecks(): FeatureCheck[] {
  return [...provided.values()]
}

/** Where an instance says how it is. */
export interface HealthPaths {
  /** For people and alerts: everything together. */
  aggregate: string
  /** Whether the process must be ended; it looks at nothing else. */
  live: string
  /** Whether the instance may get requests. */
  ready: string
  /** Whether the instance has started. */
  startup: string
}

/** @param path `scale.health.path`, behind the base of the app where one is wanted */
export function probePathsOf(path: string): HealthPaths {
  return { aggregate: path, live: `${path}/live`, ready: `${path}/ready`, startup: `${path}/startup` }
}
