import { describe, expect, it } from 'vitest'
import type { DeployModuleOptions } from '../../src/deploy/options'
import type { ModuleOptions } from '../../src/options'
import { resolveOptions } from '../../src/options'
import { deploy, topologyOf } from '../support/topology'

describe('scale.deploy', () => {
  it('leaves nothing in the options that the build keeps', () => {
    expect(JSON.stringify(resolveOptions({ deploy: { serverName: 'shop.example' } }))).not.toMatch(/deploy|shop\.example/)
  })

  it('is checked by the build', () => {
    expect(() => resolveOptions({ deploy: { serverName: 'a b' } })).toThrow('scale.deploy.serverName is "a b"')
  })

  it('has defaults', () => {
    expect(deploy({})).toMatchObject({
      name: 'app',
      hosts: [],
      servers: [{ host: '127.0.0.1', port: 3000, weight: 1, backup: false }],
      balance: 'round-robin',
      tls: undefined,
      listen: { http: 80, https: 443, ipv6: true },
      timeouts: { connect: 2000, send: 30_000, read: 60_000, stream: 3_600_000 },
      maxBodySize: 10 * 1024 ** 2,
      cache: undefined,
      rateLimit: undefined,
      image: 'app:latest',
      instances: { web: { min: 3, max: 10 }, worker: undefined },
      shutdown: { drainDelay: 0, keepAliveTimeout: 5000, gracePeriod: 62_000 },
      health: { aggregate: '/api/health', live: '/api/health/live', ready: '/api/health/ready', startup: '/api/health/startup' },
    })
    expect(deploy({ name: 'shop', cache: {}, rateLimit: {} })).toMatchObject({
      cache: { path: '/var/cache/nginx-shop', size: 1024 ** 3, inactive: 3_600_000, shared: [] },
      rateLimit: { limit: 10, window: 1000, burst: 20, paths: [{ path: '/api', tree: true }] },
    })
  })

  it.each<[DeployModuleOptions | object, string]>([
    [{ server: 'a' }, 'scale.deploy.server is not an option: write one of name, serverName, servers,'],
    [{ servers: [] }, 'scale.deploy.servers is []: write a list with at least one server.'],
    [{ servers: [{ host: 'a', hots: 1 }] }, 'scale.deploy.servers[0].hots is not an option'],
    [{ servers: [{ host: 'a', port: 70_000 }] }, 'scale.deploy.servers[0].port is 70000'],
    [{ servers: [{ host: 'a', weight: 0 }] }, 'scale.deploy.servers[0].weight is 0'],
    [{ servers: [{ host: 'a', weight: 101 }] }, 'scale.deploy.servers[0].weight is 101: write a whole number from 1 to 100.'],
    [{ servers: [{ host: 'a' }, { host: 'a' }] }, 'scale.deploy.servers[1] repeats the server a:3000'],
    [{ servers: [{ host: 'a', weight: 2 }] }, 'scale.deploy.servers[0].weight is 2, but scale.deploy.balance is \'round-robin\''],
    [{ balance: 'weighted', servers: [{ host: 'a' }, { host: 'b' }] }, 'scale.deploy.balance is \'weighted\', but no server has a weight'],
    [{ balance: 'ip-hash', servers: [{ host: 'a' }, { host: 'b', backup: true }] }, 'scale.deploy.servers[1].backup is true, but scale.deploy.balance is \'ip-hash\''],
    [{ servers: [{ host: 'a', backup: true }] }, 'scale.deploy.servers are all backup servers'],
    [{ balance: 'random' }, 'scale.deploy.balance is "random": write \'round-robin\''],
    [{ tls: true }, 'scale.deploy.tls is true'],
    [{ tls: { certificate: '/a.pem' } }, 'scale.deploy.tls.key is undefined'],
    [{ serverName: [] }, 'scale.deploy.serverName is []'],
    [{ trustedProxies: ['proxy'] }, 'scale.deploy.trustedProxies contains "proxy"'],
    [{ timeouts: { connect: '2m' } }, 'scale.deploy.timeouts.connect is "2m"'],
    [{ timeouts: { read: 0 } }, 'scale.deploy.timeouts.read is 0'],
    [{ cache: { memory: 10 } }, 'scale.deploy.cache.memory is 10: write at least \'64kb\'.'],
    [{ cache: true }, 'scale.deploy.cache is true'],
    [{ rateLimit: { limit: 1, window: '7m' } }, 'scale.deploy.rateLimit is 1 in 420000 ms'],
    [{ streams: '/_ws' }, 'scale.deploy.streams is "/_ws": write a list of paths'],
    [{ replicas: { web: { min: 4, max: 2 } } }, 'scale.deploy.replicas.web.max is 2, but must be at least scale.deploy.replicas.web.min, which is 4'],
    [{ kubernetes: { targetCpu: 200 } }, 'scale.deploy.kubernetes.targetCpu is 200'],
    [{ kubernetes: { replicas: 3 } }, 'scale.deploy.kubernetes.replicas is not an option'],
  ])('refuses %j with one sentence', (options, sentence) => {
    let message = ''
    try {
      deploy(options as DeployModuleOptions)
    }
    catch (error) {
      message = (error as Error).message
    }
    expect(message).toContain(sentence)
    expect(message).not.toContain('\n')
  })
})

describe('what may stand in a configuration file', () => {
  const attempts = ['a;b', 'a{b}', 'a}b', 'a\nb', 'a"b', 'a\'b', 'a$b', '$host', '${x}', 'a b', 'a\\b', 'a#b', 'a`b', 'a\u0000b', 'a\r\nb', '%[src]', '{env.X}']
  const places: [string, (bad: string) => ModuleOptions][] = [
    ['scale.deploy.name', bad => ({ deploy: { name: bad } })],
    ['scale.deploy.serverName', bad => ({ deploy: { serverName: bad } })],
    ['scale.deploy.serverName[1]', bad => ({ deploy: { serverName: ['shop.example', `*.${bad}`] } })],
    ['scale.deploy.servers[0].host', bad => ({ deploy: { servers: [{ host: bad }] } })],
    ['scale.deploy.servers[0].port', bad => ({ deploy: { servers: [{ host: 'a', port: bad as never }] } })],
    ['scale.deploy.servers[0].weight', bad => ({ deploy: { servers: [{ host: 'a', weight: bad as never }] } })],
    ['scale.deploy.tls.certificate', bad => ({ deploy: { tls: { certificate: `/${bad}`, key: '/key' } } })],
    ['scale.deploy.tls.key', bad => ({ deploy: { tls: { certificate: '/certificate', key: `/${bad}` } } })],
    ['scale.deploy.tls.bundle', bad => ({ deploy: { tls: { certificate: '/certificate', key: '/key', bundle: `/${bad}` } } })],
    ['scale.deploy.trustedProxies', bad => ({ deploy: { trustedProxies: [bad] } })],
    ['scale.deploy.cache.path', bad => ({ deploy: { cache: { path: `/${bad}` } } })],
    ['scale.deploy.cache.shared[0]', bad => ({ deploy: { cache: { shared: [`/${bad}/**`] } } })],
    ['scale.deploy.rateLimit.paths[0]', bad => ({ deploy: { rateLimit: { paths: [`/${bad}`] } } })],
    ['scale.deploy.streams[0]', bad => ({ deploy: { streams: [`/${bad}`] } })],
    ['scale.deploy.image', bad => ({ deploy: { image: bad } })],
    ['scale.deploy.kubernetes.namespace', bad => ({ deploy: { kubernetes: { namespace: bad } } })],
    ['scale.deploy.kubernetes.ingressClass', bad => ({ deploy: { kubernetes: { ingressClass: bad } } })],
    ['scale.deploy.kubernetes.secret', bad => ({ deploy: { kubernetes: { secret: bad } } })],
    ['scale.deploy.kubernetes.resources.cpu', bad => ({ deploy: { kubernetes: { resources: { cpu: bad } } } })],
    ['scale.http.sessionCookies[0]', bad => ({ http: { sessionCookies: [bad] } })],
    ['scale.http.credentialHeaders', bad => ({ http: { credentialHeaders: [bad] } })],
    ['scale.health.path', bad => ({ health: { path: `/${bad}` } })],
    ['scale.tenancy.header', bad => ({ tenancy: { header: bad } })],
  ]
  it.each(places)('%s holds no character that means something there', (option, options) => {
    for (const bad of attempts) {
      let message = '(accepted)'
      try {
        topologyOf(options(bad))
      }
      catch (error) {
        message = (error as Error).message
      }
      expect(message, JSON.stringify(bad)).toContain(option)
    }
  })

  it.each(['app.baseURL', 'app.buildAssetsDir'])('%s holds none either', (option) => {
    for (const bad of attempts) {
      expect(() => topologyOf({}, { [option.slice(4)]: `/${bad}/` }), JSON.stringify(bad)).toThrow(option)
    }
  })

  it.each<DeployModuleOptions>([
    { serverName: ['shop.example', '*.shop.example', 'xn--bcher-kva.example'] },
    { servers: [{ host: '10.0.0.1' }, { host: '::1', port: 8080 }, { host: 'web-1.internal' }] },
    { tls: { certificate: '/etc/letsencrypt/live/shop.example/fullchain.pem', key: '/etc/letsencrypt/live/shop.example/privkey.pem' } },
    { image: 'registry.example:5000/team/shop:1.2.3' },
    { image: `shop@sha256:${'a'.repeat(64)}` },
    { trustedProxies: ['10.0.0.0/8', 'fd00::/8'] },
  ])('%j is let through', (options) => {
    expect(() => deploy(options)).not.toThrow()
  })
})
