import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment'
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler'
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import type { IContainer } from 'kubernetes-models/v1/Container'
import type { IEnvVar } from 'kubernetes-models/v1/EnvVar'
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec'
import type { InstanceRole, Topology } from '../topology'
import { environmentOf } from '../topology'
import { metadataOf, roleName, selectorOf } from './labels'

/** Milliseconds after which every node of a cluster has stopped sending requests to a pod. */
const PAUSE = 5000

/** The Deployment of a role, its autoscaler, and its disruption budget for node drains. */
export function workloadOf(topology: Topology, role: InstanceRole, { min, max }: { min: number, max: number }): object[] {
  const name = roleName(topology, role)
  const labels = selectorOf(topology, role)
  const deployment: IDeployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(topology, name, labels),
    spec: {
      // The autoscaler sets the number of replicas. A number here would reset it at each rollout.
      ...max === min && { replicas: min },
      selector: { matchLabels: labels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: { metadata: { labels }, spec: podOf(topology, role) },
    },
  }
  const budget: IPodDisruptionBudget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadataOf(topology, name, labels),
    // minAvailable: 1 would block the drain of a node that runs the only pod.
    spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
  }
  return [deployment, ...max > min ? [autoscalerOf(topology, name, { min, max, labels })] : [], budget]
}

function autoscalerOf(
  topology: Topology,
  name: string,
  { min, max, labels }: { min: number, max: number, labels: Record<string, string> },
): IHorizontalPodAutoscaler {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: metadataOf(topology, name, labels),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: min,
      maxReplicas: max,
      metrics: [{
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: topology.kubernetes.targetCpu } },
      }],
      behavior: { scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: 'Percent', value: 25, periodSeconds: 60 }] } },
    },
  }
}

function podOf(topology: Topology, role: InstanceRole): IPodSpec {
  const { image, port, shutdown, kubernetes: { resources } } = topology
  return {
    terminationGracePeriodSeconds: Math.ceil((shutdown.gracePeriod + pauseOf(topology)) / 1000),
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    topologySpreadConstraints: [{
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: selectorOf(topology, role) },
    }],
    containers: [{
      name: 'app',
      image,
      ports: [{ name: 'http', containerPort: port }],
      env: [...Object.entries(environmentOf(topology, role)).map(([name, value]) => ({ name, value })), ...secretsOf(topology)],
      ...probesOf(topology),
      ...pauseOf(topology) > 0 && { lifecycle: { preStop: { exec: { command: ['sleep', String(pauseOf(topology) / 1000)] } } } },
      resources: { requests: { cpu: resources.cpu, memory: resources.memory }, limits: { memory: resources.memoryLimit } },
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    }],
  }
}

/** Milliseconds to wait before SIGTERM. With `scale.shutdown`, the app itself continues to serve after SIGTERM. */
function pauseOf({ shutdown }: Topology): number {
  return shutdown.drainDelay === 0 ? PAUSE : 0
}

function secretsOf({ secrets, kubernetes: { secret } }: Topology): IEnvVar[] {
  const reference = (key: string, optional: boolean): IEnvVar => {
    return { name: key, valueFrom: { secretKeyRef: { name: secret, key, ...optional && { optional } } } }
  }
  return [...secrets.required.map(key => reference(key, false)), ...secrets.optional.map(key => reference(key, true))]
}

/** Probes: two minutes to start, no requests after ten seconds of failures, a restart after half a minute without an answer. */
function probesOf({ health }: Topology): Pick<IContainer, 'startupProbe' | 'readinessProbe' | 'livenessProbe'> {
  if (!health) return { readinessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 5 } }
  const get = (path: string) => ({ httpGet: { path, port: 'http' }, timeoutSeconds: 3 })
  return {
    startupProbe: { ...get(health.startup), periodSeconds: 2, failureThreshold: 60 },
    readinessProbe: { ...get(health.ready), periodSeconds: 5, failureThreshold: 2 },
    livenessProbe: { ...get(health.live), periodSeconds: 10, failureThreshold: 3 },
  }
}
