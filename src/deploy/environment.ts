import type { Topology } from './topology'

/** What an instance in a container does. */
export type InstanceRole = 'web' | 'worker'

/** What an instance is told that is no secret. */
export function environmentOf({ port, instances }: Topology, role: InstanceRole): Record<string, string> {
  return {
    HOST: '0.0.0.0',
    PORT: String(port),
    // Without workers an instance does everything.
    ...instances.worker && { NUXT_SCALE_ROLE: role },
  }
}
