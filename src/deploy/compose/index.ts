import type { InstanceRole } from '../environment'
import { environmentOf } from '../environment'
import { renderNginx } from '../nginx'
import type { NginxTarget } from '../nginx/version'
import type { Topology } from '../topology'
import { toYaml } from '../yaml'
import { backingOf } from './backing'

/** The nginx of the image that is used. */
const NGINX: NginxTarget = { version: [1, 28, 0], edition: 'oss' }
const NGINX_IMAGE = 'nginx:1.28-alpine'
const NGINX_PORT = 8080

/** The document of Compose. Everything starts when what it needs is healthy: databases, then instances, then nginx. */
export function composeOf(topology: Topology): object {
  const backing = backingOf(topology)
  const { web, worker } = topology.instances
  const instance = (role: InstanceRole) => ({
    ...imageOf(topology),
    environment: { ...environmentOf(topology, role), ...backing.environment },
    depends_on: healthy(backing.services.map(({ name }) => name)),
    healthcheck: { test: ['CMD', 'node', '-e', probe(topology)], interval: '2s', timeout: '5s', retries: 30 },
    stop_grace_period: `${Math.ceil(topology.shutdown.gracePeriod / 1000)}s`,
    restart: 'unless-stopped',
  })
  const shared = instance('web')
  const webs = Array.from({ length: web.min }, (_, index) => `web-${index + 1}`)
  const workers = Array.from({ length: worker?.min ?? 0 }, (_, index) => `worker-${index + 1}`)
  const workerService = instance('worker')
  return {
    name: topology.name,
    services: {
      nginx: {
        image: NGINX_IMAGE,
        ports: [`\${HTTP_PORT:-${NGINX_PORT}}:80`],
        configs: [{ source: 'nginx', target: '/etc/nginx/conf.d/default.conf' }],
        depends_on: healthy(webs),
        restart: 'unless-stopped',
      },
      ...Object.fromEntries(webs.map(name => [name, shared])),
      ...Object.fromEntries(workers.map(name => [name, workerService])),
      ...Object.fromEntries(backing.services.map(({ name, service, volume }) => [name, { ...service, volumes: [`${name}:${volume}`], restart: 'unless-stopped' }])),
    },
    configs: {
      // Compose reads $ itself.
      nginx: { content: renderNginx(behindNginx(topology, webs), NGINX).replaceAll('$', '$$$$') },
      ...backing.configs,
    },
    volumes: Object.fromEntries(backing.services.map(({ name }) => [name, {}])),
  }
}

/** `compose.yaml` of an app. */
export function renderCompose(topology: Topology): string {
  const comment = `Made by npx nuxt-scale compose: change scale.deploy in nuxt.config, not this file.
${topology.imageGiven ? '' : 'npx nuxt build, then '}docker compose up${topology.imageGiven ? '' : ' --build'}, with the passwords in .env; http://localhost:${NGINX_PORT}`
  return toYaml(composeOf(topology), { comment, aliases: true })
}

/** The same app on one machine: its instances are those of Compose, any host leads to it, and there are no certificates. */
function behindNginx(topology: Topology, webs: readonly string[]): Topology {
  const weights = topology.servers.map(({ weight }) => weight)
  return {
    ...topology,
    hosts: [],
    tls: undefined,
    trustedProxies: [],
    listen: { http: 80, https: 443, ipv6: false },
    servers: webs.map((host, index) => ({ host, port: topology.port, weight: weights[index] ?? 1, backup: false })),
  }
}

/** Without an image the output of `nuxt build` becomes one. */
function imageOf({ image, imageGiven }: Topology): object {
  if (imageGiven) return { image }
  return {
    image,
    build: {
      context: '.',
      dockerfile_inline: 'FROM node:24-slim\nWORKDIR /app\nCOPY .output .output\nUSER node\nCMD ["node", ".output/server/index.mjs"]\n',
    },
  }
}

function healthy(services: readonly string[]): Record<string, { condition: 'service_healthy' }> {
  return Object.fromEntries(services.map(name => [name, { condition: 'service_healthy' }]))
}

/** Ends with 0 when the instance may get requests. */
function probe({ health, port }: Topology): string {
  const url = `http://127.0.0.1:${port}${health ? health.ready : '/'}`
  return `fetch('${url}').then(({ ${health ? 'ok' : 'status'} }) => process.exit(${health ? 'ok ? 0 : 1' : 'status < 500 ? 0 : 1'}), () => process.exit(1))`
}
