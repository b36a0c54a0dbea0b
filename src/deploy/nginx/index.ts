import type { Topology } from '../topology'
import { httpLines } from './http'
import { nginxNamesOf } from './names'
import { serversOf } from './server'
import { comment, renderLines } from './syntax'
import { upstreamOf } from './upstream'
import type { NginxTarget } from './version'

/**
 * The file of an app for `/etc/nginx/conf.d/`: it stands in the http block.
 *
 * @throws Error naming the option that this target cannot do
 */
export function renderNginx(topology: Topology, target: NginxTarget): string {
  const names = nginxNamesOf(topology.name)
  return `${renderLines([
    comment(`nginx ${target.version.join('.')}${target.edition === 'plus' ? ' (commercial edition)' : ''}, made by npx nuxt-scale nginx: change scale.deploy in nuxt.config, not this file.`),
    comment('It stands in the http block, as /etc/nginx/conf.d/*.conf do.'),
    'blank',
    ...httpLines(topology, names),
    upstreamOf(topology, names, target),
    'blank',
    ...serversOf(topology, names, target),
  ])}\n`
}
