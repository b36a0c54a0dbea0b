import type { Topology } from './topology'

/** Role of an instance in a container. */
export type InstanceRole = 'web' | 'worker'

/** Environment variables of an instance, without secrets. */
export function environmentOf({ port, instances }: Topology, role: InstanceRole): Record<string, string> {
  return {
    HOST: '0.0.0.0',
    PORT: String(port),
    // Without workers, each instance answers requests and consumes messages.
    ...instances.worker && { NUXT_SCALE_ROLE: role },
  }
}
