import { parseCount } from '../runtime/server/core/settings'
import { parseObjectName, parseQuantity, group } from './checks'
import type { DeployKubernetes, DeployReplicas } from './options'

export interface ReplicasSettings {
  min: number
  max: number
}

/** Validated settings that only Kubernetes needs. */
export interface KubernetesSettings {
  namespace?: string
  ingressClass?: string
  secret: string
  tlsSecret: string
  resources: { cpu: string, memory: string, memoryLimit: string }
  /** Percent. */
  targetCpu: number
}

const OPTION = 'scale.deploy'

/** @throws Error that names the wrong option */
export function parseInstances(value: unknown, role: string, defaults: ReplicasSettings): ReplicasSettings {
  const path = `${OPTION}.replicas.${role}`
  const given = group(value, path, ['min', 'max']) as DeployReplicas
  const most = given.max === undefined ? defaults.min : parseCount(given.max, `${path}.max`)
  const min = parseCount(given.min ?? Math.min(defaults.min, most), `${path}.min`)
  const max = parseCount(given.max ?? Math.max(defaults.max, min), `${path}.max`)
  if (max < min) throw new TypeError(`${path}.max is ${max}, but must be at least ${path}.min, which is ${min}: write a larger number.`)
  return { min, max }
}

/** @throws Error that names the wrong option */
export function parseKubernetes(value: unknown, name: string): KubernetesSettings {
  const path = `${OPTION}.kubernetes`
  const given = group(
    value,
    path,
    ['namespace', 'ingressClass', 'secret', 'tlsSecret', 'resources', 'targetCpu'] satisfies (keyof DeployKubernetes)[],
  ) as DeployKubernetes
  const resources = group(given.resources, `${path}.resources`, ['cpu', 'memory', 'memoryLimit'])
  const targetCpu = parseCount(given.targetCpu ?? 70, `${path}.targetCpu`)
  if (targetCpu > 100) throw new TypeError(`${path}.targetCpu is ${targetCpu}: write a share from 1 to 100 percent.`)
  return {
    ...given.namespace !== undefined && { namespace: parseObjectName(given.namespace, `${path}.namespace`) },
    ...given.ingressClass !== undefined && { ingressClass: parseObjectName(given.ingressClass, `${path}.ingressClass`) },
    secret: parseObjectName(given.secret ?? `${name}-secrets`, `${path}.secret`),
    tlsSecret: parseObjectName(given.tlsSecret ?? `${name}-tls`, `${path}.tlsSecret`),
    resources: {
      cpu: parseQuantity(resources.cpu ?? '250m', `${path}.resources.cpu`),
      memory: parseQuantity(resources.memory ?? '256Mi', `${path}.resources.memory`),
      memoryLimit: parseQuantity(resources.memoryLimit ?? '512Mi', `${path}.resources.memoryLimit`),
    },
    targetCpu,
  }
}
