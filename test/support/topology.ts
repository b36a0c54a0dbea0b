import { createTopology } from '../../src/deploy/create-topology'
import { renderNginx } from '../../src/deploy/nginx'
import type { NginxTarget } from '../../src/deploy/nginx/version'
import type { DeployModuleOptions } from '../../src/deploy/options'
import type { Topology } from '../../src/deploy/topology'
import type { ModuleOptions } from '../../src/options'
import type { FrontServer } from './front'
import { startNginxWith } from './nginx'
import { freePort } from './ports'

/** The nginx of Debian 12, which the tests run. */
export const nginxTarget: NginxTarget = { version: [1, 22, 1], edition: 'oss' }

const plainPaths = { baseURL: '/', buildAssetsDir: '/_nuxt/' }

/** A topology of the `scale` options, of an app at the root of its domain. */
export function topologyOf(options: ModuleOptions = {}, paths: Partial<typeof plainPaths> = {}): Topology {
  return createTopology({ options, paths: { ...plainPaths, ...paths } })
}

/** A topology of `scale.deploy` alone. */
export function deploy(options: DeployModuleOptions): Topology {
  return topologyOf({ deploy: options })
}

/** Starts the nginx that is generated for an app whose instances listen on these ports of this machine. */
export async function startGeneratedNginx(ports: readonly number[], { deploy: given, ...rest }: ModuleOptions = {}): Promise<FrontServer> {
  const port = given?.listen?.http ?? await freePort()
  const servers = ports.map((own, index) => ({ host: '127.0.0.1', port: own, ...given?.servers?.[index] && { weight: given.servers[index].weight } }))
  return startNginxWith(port, folder => renderNginx(topologyOf({
    ...rest,
    deploy: { listen: { http: port, ipv6: false }, ...given, ...given?.cache && { cache: { ...given.cache, path: folder('cache') } }, servers },
  }), nginxTarget), 2)
}
