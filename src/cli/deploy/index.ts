import { renderCaddy } from '../../deploy/caddy'
import { parseImage } from '../../deploy/checks'
import { renderCompose } from '../../deploy/compose'
import { renderDiagram } from '../../deploy/diagram'
import { renderHaproxy } from '../../deploy/haproxy'
import { renderKubernetes } from '../../deploy/kubernetes'
import { renderNginx } from '../../deploy/nginx'
import { parseNginxVersion } from '../../deploy/nginx/version'
import type { Topology } from '../../deploy/topology'
import { parseChoice } from '../../runtime/server/core/settings'
import type { ScaleCommand } from '../support/command'
import { defineDocumentCommand } from './document'

/** The commands that generate deployment files from `scale.deploy`. */
export const deployCommands = {
  nginx: defineDocumentCommand({
    meta: { description: 'Print the nginx configuration of the app' },
    examples: [
      'nuxt-scale nginx',
      'nuxt-scale nginx --nginx 1.28 --output /etc/nginx/conf.d/shop.conf',
      'nuxt-scale nginx --edition plus',
      'nuxt-scale nginx --json',
    ],
    args: {
      nginx: { type: 'string', description: 'The version of nginx that will read the file', valueHint: 'version', default: '1.22' },
      edition: {
        type: 'string',
        description: 'oss, or plus for the commercial edition, which has active health checks',
        valueHint: 'edition',
        default: 'oss',
      },
    },
    render: (topology, { nginx, edition }) => renderNginx(topology, {
      version: parseNginxVersion(nginx, '--nginx'),
      edition: parseChoice(edition, ['oss', 'plus'], '--edition'),
    }),
  }),

  haproxy: defineDocumentCommand({
    meta: { description: 'Print the HAProxy configuration of the app' },
    examples: ['nuxt-scale haproxy', 'nuxt-scale haproxy --output /etc/haproxy/haproxy.cfg'],
    args: {},
    render: topology => renderHaproxy(topology),
  }),

  caddy: defineDocumentCommand({
    meta: { description: 'Print the Caddyfile of the app' },
    examples: ['nuxt-scale caddy', 'nuxt-scale caddy --output /etc/caddy/Caddyfile'],
    args: {},
    render: topology => renderCaddy(topology),
  }),

  kubernetes: defineDocumentCommand({
    meta: { description: 'Print the Kubernetes manifests of the app' },
    examples: ['nuxt-scale kubernetes --image registry.example/shop:1.2.3 | kubectl apply -f -', 'nuxt-scale kubernetes --output k8s.yaml'],
    args: {
      image: { type: 'string', description: 'The image of the app, with its tag (default: scale.deploy.image)', valueHint: 'image' },
    },
    render: (topology, { image }) => renderKubernetes(withImage(topology, image)),
  }),

  compose: defineDocumentCommand({
    meta: { description: 'Print a Compose file with nginx, the app and every server that the app needs' },
    examples: ['nuxt-scale compose --output compose.yaml', 'nuxt-scale compose --image registry.example/shop:1.2.3'],
    args: {
      image: {
        type: 'string',
        description: 'The image of the app, with its tag (default: scale.deploy.image, else the output of nuxt build)',
        valueHint: 'image',
      },
    },
    render: (topology, { image }) => renderCompose(withImage(topology, image)),
  }),

  diagram: defineDocumentCommand({
    meta: { description: 'Print a Mermaid diagram of the app and the servers around it' },
    examples: ['nuxt-scale diagram', 'nuxt-scale diagram --target kubernetes --output architecture.mmd'],
    args: {
      target: { type: 'string', description: 'The balancer: nginx, haproxy, caddy or kubernetes', valueHint: 'target', default: 'nginx' },
    },
    render: (topology, { target }) => renderDiagram(topology, parseChoice(target, ['nginx', 'haproxy', 'caddy', 'kubernetes'], '--target')),
  }),
} satisfies Record<string, ScaleCommand>

/** Returns the topology with the image of `--image`, which overrides the option. */
function withImage(topology: Topology, image: string | undefined): Topology {
  return image === undefined ? topology : { ...topology, image: parseImage(image, '--image'), imageGiven: true }
}
