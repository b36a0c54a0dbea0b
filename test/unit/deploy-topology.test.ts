import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { balancerKeepAliveOf, shutdownBudgetOf } from '../../src/deploy/app-contract'
import { renderDiagram } from '../../src/deploy/diagram'
import { cookieExpression } from '../../src/deploy/nginx/http'
import { hasHttp2Directive, parseNginxVersion } from '../../src/deploy/nginx/version'
import { renderNginx } from '../../src/deploy/nginx'
import { ambiguousExpression, expressionOf } from '../../src/deploy/path-expressions'
import { planPaths } from '../../src/deploy/path-plan'
import { deploy, nginxTarget, topologyOf } from '../support/topology'
import { blocksOf } from '../docs/blocks'
import { optionsIn } from '../docs/config'

describe('a topology', () => {
  it('knows the databases by their variables, each once', () => {
    const { databases } = topologyOf({
      database: {},
      tenancy: { map: { acme: 'DATABASE_URL_ACME', globex: { url: 'DATABASE_URL', schema: 'globex' }, initech: 'postgresql://db/initech' } },
      shards: { map: { eu: 'DATABASE_URL_EU', us: { url: 'DATABASE_URL_EU', schema: 'us' }, asia: 'pglite:memory' } },
    })
    expect(databases).toEqual([
      { names: ['default', 'tenant globex'], variable: 'DATABASE_URL', ownServer: false },
      { names: ['tenant acme'], variable: 'DATABASE_URL_ACME', ownServer: false },
      { names: ['shard eu', 'shard us'], variable: 'DATABASE_URL_EU', ownServer: true },
    ])
  })

  it('has workers with messages only, and Redis unless it is off', () => {
    expect(topologyOf({}).instances.worker).toBeUndefined()
    expect(topologyOf({ rabbitmq: {} })).toMatchObject({ instances: { worker: { min: 1, max: 4 } }, rabbitmq: true })
    expect(topologyOf({ redis: false })).toMatchObject({ redis: undefined, secrets: { required: [] } })
    expect(topologyOf({ redis: { cluster: 'a:1,b:2' } })).toMatchObject({ redis: { kind: 'cluster', addressed: true }, secrets: { required: [], optional: ['NUXT_SCALE_REDIS_PASSWORD', 'NUXT_SCALE_SECRET'] } })
    expect(topologyOf({ rabbitmq: {}, health: { details: 'token' } }).secrets).toEqual({
      required: ['NUXT_SCALE_REDIS_URL', 'NUXT_SCALE_RABBITMQ_URL'], optional: ['NUXT_SCALE_HEALTH_TOKEN', 'NUXT_SCALE_SECRET'],
    })
  })

  it('takes the hosts from the tenants when nobody names them', () => {
    expect(topologyOf({ tenancy: { baseDomains: ['shop.example'] } }).hosts).toEqual(['shop.example', '*.shop.example'])
    expect(topologyOf({ tenancy: { baseDomains: ['shop.example'], from: ['subdomain', 'domain'] } }).hosts).toEqual([])
    expect(topologyOf({ tenancy: { baseDomains: ['shop.example'] }, deploy: { serverName: 'a.example' } }).hosts).toEqual(['a.example'])
  })

  it('holds no secret, even where the options do', () => {
    const json = JSON.stringify(topologyOf({ redis: { url: 'redis://:hidden@a' }, rabbitmq: { url: 'amqp://a:hidden@b' }, database: { url: 'postgresql://a:hidden@b/c' }, secret: 'hidden' }))
    expect(json).not.toContain('hidden')
  })

  it('is about paths below the base of the app', () => {
    const topology = topologyOf({ deploy: { cache: { shared: ['/api/static/**'] }, streams: ['/_ws'], rateLimit: {} } }, { baseURL: '/shop/' })
    expect(topology).toMatchObject({ health: { ready: '/shop/api/health/ready' }, buildFiles: { path: '/shop/_nuxt', tree: true } })
    expect(planPaths(topology).map(({ path }) => path)).toEqual(['/shop/api/health', '/shop/api/static', '/shop/_nuxt', '/shop/_ws', ''])
  })
})

describe('the plan of paths', () => {
  it('gives each part what the parts around it have', () => {
    expect(planPaths(deploy({ cache: { shared: ['/api/static/**', '/feed.xml'] }, streams: ['/api/events/**'] }))).toEqual([
      { path: '/api/health', tree: true, kind: 'health' },
      { path: '/api/events', tree: true, kind: 'stream' },
      { path: '/api/static', tree: true, kind: 'shared' },
      { path: '/feed.xml', tree: false, kind: 'shared' },
      { path: '/_nuxt', tree: true, kind: 'build' },
      { path: '', tree: true, kind: 'app' },
    ])
  })

  it.each([
    ['/api/**', ['/api', '/api/', '/API/x', '/api/x/y'], ['/apiary', '/', '/x/api']],
    ['/**', ['/', '/a'], []],
    ['/log.in', ['/log.in', '/LOG.in/', '/log.in/_payload.json'], ['/logxin', '/log.in/x']],
    ['/', ['/', '/_payload.json'], ['/a']],
  ])('finds %s in every spelling', (pattern, inside, outside) => {
    const [path] = deploy({ rateLimit: { paths: [pattern] } }).rateLimit!.paths
    const expression = new RegExp(expressionOf(path!), 'i')
    expect([...inside, ...outside].filter(text => expression.test(text))).toEqual(inside)
  })

  it('knows the paths that not all programs read alike', () => {
    const ambiguous = ['//a', '/a//b', '/a/./b', '/a/..', '/a%2Fb', '/a%2e', '/%2561', '/a%5cb', '/a\\b', '/a%3fb', '/a%23', '/a%00', '/%zz', '/%a', '/%', 'http://a/b']
    const plain = ['/', '/a', '/a/', '/%61', '/caf%C3%A9', '/.well-known/x', '/a..b', '/a?b=//c/../%2F#']
    const expression = new RegExp(ambiguousExpression('[?]|$'), 'i')
    expect([...ambiguous, ...plain].filter(text => expression.test(text))).toEqual(ambiguous)
  })
})

describe('the time that an instance has to leave', () => {
  it('is that of scale.shutdown, or of Nitro without it', () => {
    expect(shutdownBudgetOf({})).toEqual({ drainDelay: 5000, keepAliveTimeout: 65_000, gracePeriod: 30_000 })
    expect(shutdownBudgetOf({ gracePeriod: '45s', drainDelay: '10s' })).toMatchObject({ drainDelay: 10_000, gracePeriod: 45_000 })
    expect(shutdownBudgetOf(undefined)).toEqual({ drainDelay: 0, keepAliveTimeout: 5000, gracePeriod: 62_000 })
  })

  it('ends no connection of the balancer that the balancer still uses', () => {
    expect(balancerKeepAliveOf(shutdownBudgetOf({}))).toBe(63_000)
    expect(balancerKeepAliveOf(shutdownBudgetOf(false))).toBe(3000)
  })
})

describe('the cookies of a session', () => {
  const matches = (patterns: string[], header: string) => new RegExp(cookieExpression(patterns).slice(2), 'i').test(header)

  it.each([
    [['*sess*'], 'PHPSESSID=1', true],
    [['*sess*'], 'a=1; my.session=2', true],
    [['*sess*'], 'theme=dark', false],
    [['*sess*'], 'theme=session', false],
    [['sid'], 'aside=1', false],
    [['sid'], 'sid=1', true],
    [['a.b'], 'axb=1', false],
  ])('%j in %j: %s', (patterns, header, found) => {
    expect(matches(patterns, header)).toBe(found)
  })
})

describe('the version of nginx', () => {
  it('decides how HTTP/2 is written', () => {
    const text = (version: string) => renderNginx(deploy({ tls: { certificate: '/c', key: '/k' } }), { version: parseNginxVersion(version, '--nginx'), edition: 'oss' })
    expect(hasHttp2Directive(parseNginxVersion('1.25', '--nginx'))).toBe(false)
    for (const old of ['1.22', '1.25.0']) expect(text(old)).toMatch(/listen 443 ssl http2;/)
    for (const young of ['1.25.1', '1.28', '2.0.0']) {
      expect(text(young)).toMatch(/listen 443 ssl;[\s\S]*http2 on;/)
      expect(text(young)).not.toContain('ssl http2')
    }
  })

  it.each(['1', '1.x', '1.22;', '1.18.0', ''])('%j is refused', (version) => {
    expect(() => parseNginxVersion(version, '--nginx')).toThrow('--nginx is')
  })
})

describe('the commercial edition', () => {
  it('checks servers by itself, which the other cannot', () => {
    const topology = deploy({ servers: [{ host: '10.0.0.1' }, { host: '10.0.0.2' }] })
    const active = /health_check uri=\/api\/health\/ready interval=2s fails=2 passes=2;/
    expect(renderNginx(topology, { ...nginxTarget, edition: 'plus' })).toMatch(active)
    expect(renderNginx(topology, { ...nginxTarget, edition: 'plus' })).toContain('slow_start=30s;')
    expect(renderNginx(topology, nginxTarget)).not.toMatch(/health_check|slow_start/)
  })
})

describe('a diagram', () => {
  it('names each node once and links them all', () => {
    const text = renderDiagram(topologyOf({ rabbitmq: {}, shards: { map: { eu: 'DATABASE_URL_EU', us: 'DATABASE_URL_US' } }, deploy: { servers: [{ host: '::1' }, { host: 'b' }] } }), 'nginx')
    for (const node of ['web1["::1:3000"]', 'web2["b:3000"]', 'redis[("Redis")]', 'db1[("shard eu")]', 'db2[("shard us")]', 'rabbitmq[["RabbitMQ"]]', 'worker["worker × 1–4"]']) {
      expect(text.split(node), node).toHaveLength(2)
    }
    expect(renderDiagram(topologyOf({}), 'kubernetes')).toContain('pods["web × 3–10"]')
  })

  it.each([['18.deploy', 'nginx'], ['22.kubernetes', 'kubernetes']] as const)('stands in the docs as it is made: %s', (page, target) => {
    const config = blocksOf('docs/content/18.deploy.md').find(({ file }) => file === 'nuxt.config.ts')!
    const documented = topologyOf(optionsIn(config.text))
    expect(readFileSync(`docs/content/${page}.md`, 'utf8')).toContain(`\`\`\`mermaid\n${renderDiagram(documented, target)}\`\`\``)
  })
})
