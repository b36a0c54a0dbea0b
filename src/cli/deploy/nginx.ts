import { renderNginx } from '../../deploy/nginx'
import { parseNginxVersion } from '../../deploy/nginx/version'
import { parseChoice } from '../../runtime/server/core/settings'
import { defineDocumentCommand } from './document'

/** The command `nuxt-scale nginx`. */
export const nginxCommand = defineDocumentCommand({
  meta: { description: 'Print the nginx configuration of the app' },
  examples: [
    'nuxt-scale nginx',
    'nuxt-scale nginx --nginx 1.28 --output /etc/nginx/conf.d/shop.conf',
    'nuxt-scale nginx --edition plus',
    'nuxt-scale nginx --json',
  ],
  args: {
    nginx: { type: 'string', description: 'The version of nginx that will read the file', valueHint: 'version', default: '1.22' },
    edition: { type: 'string', description: 'oss, or plus for the commercial edition, which has active health checks', valueHint: 'edition', default: 'oss' },
  },
  render: (topology, { nginx, edition }) => renderNginx(topology, {
    version: parseNginxVersion(nginx, '--nginx'),
    edition: parseChoice(edition, ['oss', 'plus'], '--edition'),
  }),
})
