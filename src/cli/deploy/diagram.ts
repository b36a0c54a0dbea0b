import { renderDiagram } from '../../deploy/diagram'
import { parseChoice } from '../../runtime/server/core/settings'
import { defineDocumentCommand } from './document'

/** The command `nuxt-scale diagram`. */
export const diagramCommand = defineDocumentCommand({
  meta: { description: 'Print a Mermaid diagram of the app and the servers around it' },
  examples: ['nuxt-scale diagram', 'nuxt-scale diagram --target kubernetes --output architecture.mmd'],
  args: {
    target: { type: 'string', description: 'The balancer: nginx, haproxy, caddy or kubernetes', valueHint: 'target', default: 'nginx' },
  },
  render: (topology, { target }) => renderDiagram(topology, parseChoice(target, ['nginx', 'haproxy', 'caddy', 'kubernetes'], '--target')),
})
