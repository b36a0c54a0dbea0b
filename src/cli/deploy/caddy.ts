import { renderCaddy } from '../../deploy/caddy'
import { defineDocumentCommand } from './document'

/** The command `nuxt-scale caddy`. */
export const caddyCommand = defineDocumentCommand({
  meta: { description: 'Print the Caddyfile of the app' },
  examples: ['nuxt-scale caddy', 'nuxt-scale caddy --output /etc/caddy/Caddyfile'],
  args: {},
  render: topology => renderCaddy(topology),
})
