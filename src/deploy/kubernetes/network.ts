import type { IIngress } from 'kubernetes-models/networking.k8s.io/v1/Ingress'
import type { IIngressRule } from 'kubernetes-models/networking.k8s.io/v1/IngressRule'
import type { IService } from 'kubernetes-models/v1/Service'
import type { Topology } from '../topology'
import { metadataOf, selectorOf } from './labels'

/** The Service in front of the web pods, and the Ingress in front of the Service. */
export function networkObjects(topology: Topology): [IService, IIngress] {
  const { name, hosts, tls, kubernetes: { ingressClass, tlsSecret } } = topology
  const http: IIngressRule['http'] = { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name, port: { name: 'http' } } } }] }
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: metadataOf(topology, name),
      spec: { type: 'ClusterIP', selector: selectorOf(topology, 'web'), ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: metadataOf(topology, name),
      spec: {
        ...ingressClass !== undefined && { ingressClassName: ingressClass },
        ...tls && { tls: [{ ...hosts.length > 0 && { hosts: [...hosts] }, secretName: tlsSecret }] },
        rules: hosts.length > 0 ? hosts.map(host => ({ host, http })) : [{ http }],
      },
    },
  ]
}
