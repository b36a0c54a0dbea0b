import type { Measure } from './types.ts'

/** Names of all measures, in the order they run. Each is a file of `bench/measures`. */
export const measureNames = ['l1-hit', 'l2-hit', 'cached-route', 'invalidation-lag', 'stampede', 'pattern-delete', 'memory', 'start-up', 'overhead', 'metrics', 'tenancy', 'shards', 'database-clients', 'rate-limit', 'rabbitmq', 'slow-pages'] as const

export async function importMeasure(name: string): Promise<Measure> {
  const { measure } = await import(`../measures/${name}.ts`) as { measure: Measure }
  return measure
}
