import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { renderCaddy } from '../../src/deploy/caddy'
import { renderHaproxy } from '../../src/deploy/haproxy'
import { renderNginx } from '../../src/deploy/nginx'
import type { Balance, DeployModuleOptions, DeployServer } from '../../src/deploy/options'
import type { ModuleOptions } from '../../src/options'
import { requireBinary } from '../support/binaries'
import { testNginx } from '../support/nginx'
import { freePort } from '../support/ports'
import type { TemporaryDirectory } from '../support/temporary-directory'
import { createTemporaryDirectory } from '../support/temporary-directory'
import type { ServerCertificates } from '../support/tls'
import { createServerCertificates } from '../support/tls'
import { deploy, nginxTarget, topologyOf } from '../support/topology'

let directory: TemporaryDirectory
let tls: ServerCertificates
let listen: { http: number, https: number }

beforeAll(async () => {
  directory = createTemporaryDirectory('deploy')
  tls = await createServerCertificates(directory.path)
  // HAProxy finds the key beside the certificate.
  writeFileSync(join(directory.path, 'bundle.pem'), tls.certificate + tls.key)
  listen = { http: await freePort(), https: await freePort() }
})

afterAll(() => directory.remove())

const three: DeployServer[] = [{ host: '10.0.0.1' }, { host: '10.0.0.2', port: 8080 }, { host: '::1' }]
const balances: Record<Balance, DeployServer[]> = {
  'round-robin': three,
  'least-conn': [...three, { host: '10.0.0.4', backup: true }],
  'ip-hash': three,
  'weighted': three.map((server, index) => ({ ...server, weight: index + 1 })),
}
/** What may be added to any of them. */
const additions: [string, (given: { folder: string }) => Partial<ModuleOptions> & { deploy?: DeployModuleOptions }][] = [
  ['nothing', () => ({})],
  ['hosts', () => ({ deploy: { serverName: ['shop.example', '*.shop.example'] } })],
  ['TLS', () => ({ deploy: { tls: { certificate: tls.certificateFile, key: tls.keyFile, bundle: join(directory.path, 'bundle.pem'), hsts: '365d' } } })],
  ['a cache', ({ folder }) => ({ deploy: { cache: { path: `${folder}/cache`, shared: ['/api/static/**', '/feed.xml'], size: '100mb', inactive: '90s' } } })],
  ['a rate limit', () => ({ deploy: { rateLimit: { limit: 90, window: '1m', burst: 0, paths: ['/api/**', '/login'] } } })],
  ['streams', () => ({ deploy: { streams: ['/_ws', '/api/events/**'], timeouts: { connect: '250ms', stream: '2h' }, maxBodySize: 1500 } })],
  ['proxies', () => ({ deploy: { trustedProxies: ['10.0.0.0/8', 'fd00::/8', '192.0.2.1'] } })],
  ['tenants', () => ({ tenancy: { trustedProxies: ['10.0.0.0/8'], header: 'x-tenant-id' } })],
  ['no health', () => ({ health: false })],
  ['everything', ({ folder }) => ({
    tenancy: { trustedProxies: 'any' },
    http: { sessionCookies: ['*sess*', 'my.cookie', '__Host-id'], credentialHeaders: ['X-Shop-Key', 'shop_key'] },
    deploy: {
      name: 'my-shop', serverName: ['shop.example', '*.shop.example'], trustedProxies: ['10.0.0.0/8'], rateLimit: {}, streams: ['/_ws'],
      tls: { certificate: tls.certificateFile, key: tls.keyFile, bundle: join(directory.path, 'bundle.pem') },
      cache: { path: `${folder}/cache`, shared: ['/api/static/**'] },
    },
  })],
]
const matrix = Object.keys(balances).flatMap(balance => additions.map(([addition]) => [balance as Balance, addition] as const))

function topologyFor(balance: Balance, addition: string, folder: string, paths = {}) {
  const { deploy: added, ...options } = additions.find(([name]) => name === addition)![1]({ folder })
  return topologyOf({ ...options, deploy: { listen, balance, servers: balances[balance], ...added } }, paths)
}

/** Runs a program on a file. */
function check(command: string, file: string, text: string, args: string[]) {
  const path = join(directory.path, file)
  writeFileSync(path, text)
  const { status, stdout, stderr } = spawnSync(requireBinary(command), args.map(arg => arg === '{}' ? path : arg), {
    encoding: 'utf8', timeout: 20_000, env: { PATH: process.env.PATH, HOME: directory.path, XDG_DATA_HOME: directory.path, XDG_CONFIG_HOME: directory.path },
  })
  return { accepted: status === 0, messages: `${stdout}${stderr}` }
}

describe('nginx accepts without a warning', () => {
  it.each(matrix)('%s with %s', (balance, addition) => {
    expect(testNginx(folder => renderNginx(topologyFor(balance, addition, folder('')), nginxTarget))).toEqual({ accepted: true, messages: [] })
  })

  it('an app below a path, and two apps in one server', () => {
    expect(testNginx(folder => [
      renderNginx(topologyFor('round-robin', 'everything', folder('one'), { baseURL: '/shop/', buildAssetsDir: '_assets' }), nginxTarget),
      renderNginx({ ...topologyFor('least-conn', 'everything', folder('two')), name: 'other', hosts: ['other.example'] }, nginxTarget),
    ].join('\n'))).toEqual({ accepted: true, messages: [] })
  })

  it('and refuses what is made for another version, so that the check means something', () => {
    const newer = testNginx(folder => renderNginx(topologyFor('round-robin', 'TLS', folder('')), { version: [1, 28, 0], edition: 'oss' }))
    expect(newer).toMatchObject({ accepted: false, messages: expect.arrayContaining([expect.stringContaining('unknown directive "http2"')]) })
    const plus = testNginx(folder => renderNginx(topologyFor('round-robin', 'nothing', folder('')), { ...nginxTarget, edition: 'plus' }))
    expect(plus).toMatchObject({ accepted: false, messages: expect.arrayContaining([expect.stringContaining('slow_start')]) })
  })
})

describe('haproxy accepts without a warning', () => {
  it.each(matrix.filter(([balance, addition]) => balance === 'round-robin' || addition === 'nothing'))('%s with %s', (balance, addition) => {
    const { accepted, messages } = check('haproxy', 'haproxy.cfg', renderHaproxy(topologyFor(balance, addition, '')), ['-c', '-f', '{}'])
    expect(messages).not.toMatch(/WARNING|ALERT|NOTICE/)
    expect(accepted).toBe(true)
  })

  it('and refuses what is broken', () => {
    const text = renderHaproxy(topologyFor('round-robin', 'nothing', '')).replace('balance roundrobin', 'balance often')
    expect(check('haproxy', 'haproxy.cfg', text, ['-c', '-f', '{}'])).toMatchObject({ accepted: false, messages: expect.stringContaining('ALERT') })
  })
})

/** Without those about the certificate of the test, and about a site without one. */
function warningsOf(messages: string): string[] {
  return messages.split('\n').filter(line => /"level":"(?:warn|error)"/.test(line) && !/stapling OCSP|listening only on the HTTP port/.test(line))
}

describe('caddy accepts without a warning', () => {
  // It starts slowly: one of each.
  it.each(additions.map(([addition]) => addition))('%s', (addition) => {
    const text = renderCaddy(topologyFor(addition === 'everything' ? 'weighted' : addition === 'TLS' ? 'ip-hash' : 'round-robin', addition, ''))
    const { accepted, messages } = check('caddy', 'Caddyfile', text, ['validate', '--adapter', 'caddyfile', '--config', '{}'])
    expect(messages).toContain('Valid configuration')
    expect(warningsOf(messages)).toEqual([])
    expect(accepted).toBe(true)
  })

  it('certificates that it gets by itself', () => {
    const text = renderCaddy(deploy({ listen, serverName: 'shop.example', tls: 'auto' }))
    expect(text).not.toMatch(/^\ttls /m)
    expect(check('caddy', 'Caddyfile', text, ['validate', '--adapter', 'caddyfile', '--config', '{}'])).toMatchObject({ accepted: true })
  })

  it('and refuses what is broken', () => {
    const text = renderCaddy(topologyFor('round-robin', 'nothing', '')).replace('round_robin', 'square_robin')
    expect(check('caddy', 'Caddyfile', text, ['validate', '--adapter', 'caddyfile', '--config', '{}'])).toMatchObject({ accepted: false })
  })
})

describe('what a program cannot do is refused with the name of the option', () => {
  it.each([
    ['nginx', () => renderNginx(deploy({ tls: 'auto' }), nginxTarget), 'scale.deploy.tls is \'auto\', but nginx cannot obtain certificates'],
    ['HAProxy', () => renderHaproxy(deploy({ tls: 'auto' })), 'scale.deploy.tls is \'auto\', but HAProxy cannot obtain certificates'],
    ['Caddy', () => renderCaddy(deploy({ tls: 'auto' })), 'set scale.deploy.serverName'],
    ['Caddy', () => renderCaddy(deploy({ servers: [{ host: 'a' }, { host: 'b', backup: true }] })), 'scale.deploy.servers[1].backup is true, but Caddy has no backup servers'],
    ['Caddy', () => renderCaddy(deploy({ balance: 'weighted', servers: [{ host: 'a', weight: 99 }, { host: 'b', weight: 98 }] })), 'scale.deploy.servers have weights that need 197 entries in the Caddyfile'],
  ])('%s', (_, render, message) => {
    expect(render).toThrow(message)
  })
})
