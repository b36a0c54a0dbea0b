import type { Topology } from '../topology'
import { toYaml } from '../yaml'
import { networkOf } from './network'
import { workloadOf } from './workload'

/** The objects of an app. */
export function kubernetesObjects(topology: Topology): object[] {
  const { web, worker } = topology.instances
  return [...workloadOf(topology, 'web', web), ...worker ? workloadOf(topology, 'worker', worker) : [], ...networkOf(topology)]
}

/** The manifests of an app, for `kubectl apply -f -`. */
export function renderKubernetes(topology: Topology): string {
  return kubernetesObjects(topology)
    .map((object, index) => toYaml(object, { comment: index === 0 ? head(topology) : undefined }))
    .join('---\n')
}

function head({ secrets, kubernetes: { secret, namespace } }: Topology): string {
  const literals = [...secrets.required, ...secrets.optional].map(key => ` --from-literal=${key}=…`).join('')
  return `Made by npx nuxt-scale kubernetes: change scale.deploy in nuxt.config, not this file.
Addresses and secrets come from a Secret that you make:
kubectl create secret generic ${secret}${namespace === undefined ? '' : ` -n ${namespace}`}${literals}`
}
