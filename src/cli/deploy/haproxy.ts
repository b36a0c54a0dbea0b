import { renderHaproxy } from '../../deploy/haproxy'
import { defineDocumentCommand } from './document'

/** The command `nuxt-scale haproxy`. */
export const haproxyCommand = defineDocumentCommand({
  meta: { description: 'Print the HAProxy configuration of the app' },
  examples: ['nuxt-scale haproxy', 'nuxt-scale haproxy --output /etc/haproxy/haproxy.cfg'],
  args: {},
  render: topology => renderHaproxy(topology),
})
