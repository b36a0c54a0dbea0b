/** Features with a health check. `scale.health.checks` sets their levels. */
export type CheckedFeature = 'redis' | 'rabbitmq' | 'database' | 'shards' | 'tenants'

/** A health check of a dependency of a feature. */
export interface FeatureCheck {
  /** Unique name in the report. */
  name: string
  feature: CheckedFeature
  /** The check is always critical, because the instance is useless without this dependency. `scale.health.checks` is ignored. */
  essential?: boolean
  /** Resolves if the dependency works. @param timeout milliseconds after which the result is ignored */
  run: (timeout: number) => Promise<unknown>
}

const provided = new Map<string, FeatureCheck>()

/** Registers the health check of a feature. The plugin of the feature calls it when the server starts. */
export function provideHealthCheck(check: FeatureCheck): void {
  provided.set(check.name, check)
}

export function providedHealthChecks(): FeatureCheck[] {
  return [...provided.values()]
}

/** Paths of the health probes. */
export interface HealthPaths {
  /** Overall health, for people and alerts. */
  aggregate: string
  /** Reports whether the process is alive. It checks no dependencies. */
  live: string
  /** Reports whether the instance should receive requests. */
  ready: string
  /** Reports whether the instance has started. */
  startup: string
}

/** Returns the paths of the probes. @param path `scale.health.path`, after the base of the app if the result must include it */
export function probePathsOf(path: string): HealthPaths {
  return { aggregate: path, live: `${path}/live`, ready: `${path}/ready`, startup: `${path}/startup` }
}
