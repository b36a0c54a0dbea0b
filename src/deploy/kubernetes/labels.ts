import type { InstanceRole, Topology } from '../topology'

/** Labels that select the pods of a role. */
export function selectorOf({ name }: Topology, role: InstanceRole): Record<string, string> {
  return { 'app.kubernetes.io/name': name, 'app.kubernetes.io/component': role }
}

/** Name, namespace and labels of an object. */
export function metadataOf(topology: Topology, name: string, labels: Record<string, string> = { 'app.kubernetes.io/name': topology.name }) {
  const { namespace } = topology.kubernetes
  return { name, ...namespace !== undefined && { namespace }, labels }
}

/** Name of the objects of a role. */
export function roleName({ name }: Topology, role: InstanceRole): string {
  return `${name}-${role}`
}
