import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DCLinter } from 'dclint'
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler'
import { Ingress } from 'kubernetes-models/networking.k8s.io/v1/Ingress'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { Service } from 'kubernetes-models/v1/Service'
import { afterAll, describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { renderCompose } from '../../src/deploy/compose'
import { renderKubernetes } from '../../src/deploy/kubernetes'
import type { ModuleOptions } from '../../src/options'
import { testNginx } from '../support/nginx'
import { createTemporaryDirectory } from '../support/temporary-directory'
import { topologyOf } from '../support/topology'

const directory = createTemporaryDirectory('manifests')
afterAll(directory.remove)

const apps: [string, ModuleOptions][] = [
  ['nothing', {}],
  ['no Redis and no health', { redis: false, health: false }],
  ['a Redis of its own', { redis: { sentinels: 'a:1,b:2', name: 'mymaster' }, deploy: { image: 'shop:1' } }],
  ['tenants and shards', { database: {}, tenancy: { map: { acme: 'DATABASE_URL_ACME', globex: 'TENANT_GLOBEX' }, baseDomains: ['shop.example'] }, shards: { map: { eu: 'DATABASE_URL_EU', us: 'DATABASE_URL_US' } } }],
  ['everything', {
    database: {}, rabbitmq: {}, shutdown: { gracePeriod: '40s' }, shards: { map: { eu: 'DATABASE_URL_EU', us: 'DATABASE_URL_US', asia: 'DATABASE_URL_ASIA' } }, health: { details: 'token' },
    deploy: {
      name: 'shop', serverName: ['shop.example', '*.shop.example'], tls: { certificate: '/c', key: '/k' }, image: 'registry.example/shop:1.2.3', cache: { shared: ['/api/static/**'] }, rateLimit: {},
      replicas: { web: { min: 3, max: 12 }, worker: { min: 2, max: 2 } }, kubernetes: { namespace: 'shop', ingressClass: 'traefik', targetCpu: 60 },
    },
  }],
]

interface KubernetesObject {
  kind: keyof typeof models
  apiVersion: string
  metadata: { name: string, namespace?: string }
  spec: Record<string, never>
}

/** The official schemas (OpenAPI of Kubernetes), as `kubernetes-models` carries them. */
const models = { Deployment, HorizontalPodAutoscaler, Ingress, PodDisruptionBudget, Service }

function objectsOf(options: ModuleOptions): KubernetesObject[] {
  return parseAllDocuments(renderKubernetes(topologyOf(options))).map((document) => {
    expect([document.errors, document.warnings]).toEqual([[], []])
    return document.toJS() as KubernetesObject
  })
}

function validate(object: KubernetesObject): void {
  const Model = models[object.kind] as unknown as new (data: object) => { validate: () => void }
  new Model(object).validate()
}

describe('kubernetes', () => {
  it.each(apps)('%s: every object is valid', (_, options) => {
    for (const object of objectsOf(options)) expect(() => validate(object), `${object.kind} ${object.metadata.name}`).not.toThrow()
  })

  // Keys that there are not are the types' to find: the schemas let them through, as Kubernetes does.
  it.each<[string, (deployment: IDeployment) => unknown]>([
    ['a word for a number', ({ spec }) => spec!.template.spec!.terminationGracePeriodSeconds = 'soon' as never],
    ['a container without a name', ({ spec }) => delete (spec!.template.spec!.containers[0] as { name?: string }).name],
    ['a probe without a path', ({ spec }) => spec!.template.spec!.containers[0]!.livenessProbe!.httpGet = {} as never],
    ['no selector', ({ spec }) => delete (spec as { selector?: object }).selector],
  ])('a Deployment with %s is refused, so that the check means something', (_, spoil) => {
    const deployment = objectsOf({}).find(({ kind }) => kind === 'Deployment')!
    spoil(deployment as unknown as IDeployment)
    expect(() => validate(deployment)).toThrow()
  })

  it('has an autoscaler or a number of replicas, never both, and a budget for each Deployment', () => {
    const objects = objectsOf(apps[4]![1])
    expect(objects.map(({ kind, metadata: { name } }) => `${kind} ${name}`)).toEqual([
      'Deployment shop-web', 'HorizontalPodAutoscaler shop-web', 'PodDisruptionBudget shop-web',
      'Deployment shop-worker', 'PodDisruptionBudget shop-worker', 'Service shop', 'Ingress shop',
    ])
    const [web, worker] = objects.filter(({ kind }) => kind === 'Deployment')
    expect(web!.spec).not.toHaveProperty('replicas')
    expect(worker!.spec).toMatchObject({ replicas: 2 })
    expect(objects.filter(({ kind }) => kind === 'PodDisruptionBudget').map(({ spec }) => spec)).toEqual([expect.objectContaining({ maxUnavailable: 1 }), expect.objectContaining({ maxUnavailable: 1 })])
    expect(objects.every(({ metadata }) => metadata.namespace === 'shop')).toBe(true)
  })

  it('gives a pod the time of its own shutdown, probes of their own, and secrets by reference alone', () => {
    const [web] = objectsOf(apps[4]![1])
    const pod = (web as unknown as IDeployment).spec!.template.spec!
    const container = pod.containers[0]!
    expect(pod.terminationGracePeriodSeconds).toBe(40)
    expect(container.lifecycle).toBeUndefined()
    expect([container.startupProbe, container.readinessProbe, container.livenessProbe].map(probe => probe!.httpGet!.path)).toEqual(['/api/health/startup', '/api/health/ready', '/api/health/live'])
    const env = container.env!
    expect(env.filter(({ value }) => value !== undefined)).toEqual([{ name: 'HOST', value: '0.0.0.0' }, { name: 'PORT', value: '3000' }, { name: 'NUXT_SCALE_ROLE', value: 'web' }])
    expect(env.filter(({ valueFrom }) => valueFrom).map(({ name, valueFrom }) => [name, valueFrom!.secretKeyRef])).toContainEqual(['DATABASE_URL_EU', { name: 'shop-secrets', key: 'DATABASE_URL_EU' }])
  })

  it('lets a pod without a drain of its own wait before it ends', () => {
    const [web] = objectsOf({ shutdown: false })
    const pod = (web as unknown as IDeployment).spec!.template.spec!
    expect(pod.terminationGracePeriodSeconds).toBe(67)
    expect(pod.containers[0]!.lifecycle).toEqual({ preStop: { exec: { command: ['sleep', '5'] } } })
  })

  it('lets the Service find the web pods alone', () => {
    const objects = objectsOf(apps[4]![1])
    const labels = (name: string) => (objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name)! as unknown as IDeployment).spec!.template.metadata!.labels
    const { selector } = objects.find(({ kind }) => kind === 'Service')!.spec as unknown as { selector: object }
    expect(labels('shop-web')).toMatchObject(selector)
    expect(labels('shop-worker')).not.toMatchObject(selector)
  })
})

/** What the Compose specification has against a file. `dclint` carries its schema. */
function complaints(text: string): string[] {
  const file = join(directory.path, 'compose.yaml')
  writeFileSync(file, text)
  const results = new DCLinter({ rules: {}, quiet: true, debug: false, exclude: [] }).lintFiles([file], false)
  return results.flatMap(({ messages }) => messages).filter(({ rule }) => rule.startsWith('invalid-')).map(({ message }) => message)
}

interface ComposeFile {
  services: Record<string, { image: string, environment?: Record<string, string>, depends_on?: Record<string, { condition: string }>, healthcheck?: object, volumes?: string[] }>
  configs: Record<string, { content: string }>
  volumes: Record<string, object>
}

const composeFile = (options: ModuleOptions) => parse(renderCompose(topologyOf(options)), { merge: true }) as ComposeFile

describe('compose', () => {
  it.each(apps)('%s: the file follows the specification', (_, options) => {
    expect(complaints(renderCompose(topologyOf(options)))).toEqual([])
  })

  it.each([[/depends_on:\n(.*\n){2}/, 'depends_on: 7\n'], [/healthcheck:/, 'healthchecks:'], [/^volumes:/m, 'volume:']])('a file that breaks it is refused, so that the check means something: %s', (found, broken) => {
    const text = renderCompose(topologyOf(apps[4]![1]))
    expect(text).toMatch(found)
    expect(complaints(text.replace(found, broken))).not.toEqual([])
  })

  it('has nginx, three web instances, a worker, and a server for everything that they need', () => {
    const { deploy, ...rest } = apps[4]![1]
    const { services, volumes } = composeFile({ ...rest, deploy: { ...deploy, replicas: {} } })
    expect(Object.keys(services)).toEqual(['nginx', 'web-1', 'web-2', 'web-3', 'worker-1', 'redis', 'rabbitmq', 'postgres', 'postgres-eu', 'postgres-us', 'postgres-asia'])
    expect(Object.keys(volumes)).toEqual(['redis', 'rabbitmq', 'postgres', 'postgres-eu', 'postgres-us', 'postgres-asia'])
    expect(services['web-3']).toEqual(services['web-1'])
    expect([services['web-1']!.environment!.NUXT_SCALE_ROLE, services['worker-1']!.environment!.NUXT_SCALE_ROLE]).toEqual(['web', 'worker'])
    for (const variable of topologyOf(rest).secrets.required) expect(services['web-1']!.environment, variable).toHaveProperty(variable)
  })

  it.each(apps)('%s: nothing starts before what it needs is healthy', (_, options) => {
    const { services } = composeFile(options)
    for (const [name, { depends_on: needs = {} }] of Object.entries(services)) {
      for (const [needed, { condition }] of Object.entries(needs)) {
        expect([name, needed, condition]).toEqual([name, needed, 'service_healthy'])
        expect(services[needed], `${name} needs ${needed}`).toHaveProperty('healthcheck')
      }
    }
    expect(Object.keys(services.nginx!.depends_on!)).toEqual(Object.keys(services).filter(name => name.startsWith('web-')))
    const backing = Object.keys(services).filter(name => !/^(?:nginx|web-\d|worker-\d)$/.test(name))
    expect(Object.keys(services['web-1']!.depends_on!)).toEqual(backing)
  })

  it('makes a database for each tenant, in the server of the default one', () => {
    const { services, configs } = composeFile(apps[3]![1])
    expect(services['web-1']!.environment).toMatchObject({
      DATABASE_URL: expect.stringMatching(/@postgres:5432\/app$/), DATABASE_URL_ACME: expect.stringMatching(/@postgres:5432\/app_acme$/), TENANT_GLOBEX: expect.stringMatching(/@postgres:5432\/app_tenant_globex$/),
    })
    expect(configs.databases!.content).toBe('CREATE DATABASE app_acme;\nCREATE DATABASE app_tenant_globex;\n')
  })

  it.each(apps)('%s: its nginx is accepted by nginx', (_, options) => {
    // Compose makes one $ of two, and its names are known in its own network only.
    const text = composeFile(options).configs.nginx!.content.replaceAll('$$', '$').replaceAll(/server web-(\d)/g, 'server 127.0.0.$1')
    expect(testNginx(folder => text.replace('/var/cache/nginx-', `${folder('cache')}/`))).toEqual({ accepted: true, messages: [] })
  })
})
