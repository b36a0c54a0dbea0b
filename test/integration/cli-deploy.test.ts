import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import type { Topology } from '../../src/deploy/topology'
import type { CliApp } from '../support/cli'
import { createCliApp } from '../support/cli'
import { testNginx } from '../support/nginx'

let app: CliApp

beforeAll(() => {
  app = createCliApp(`{ rabbitmq: {}, database: {}, shards: { map: { eu: 'DATABASE_URL_EU', us: 'DATABASE_URL_US' } }, deploy: { name: 'shop', servers: [{ host: '10.0.0.1' }, { host: '10.0.0.2' }], cache: {}, rateLimit: {} } }`)
})

afterAll(() => app.remove())

// Each run reads a nuxt.config, which takes a second.
describe.concurrent('nuxt-scale nginx', () => {
  it('prints a file that nginx takes, although nuxt.config writes to stdout too', async () => {
    const { code, stdout, stderr } = await app.run(['nginx'])
    expect([code, stderr.trim()]).toEqual([0, 'a config that speaks'])
    expect(testNginx(folder => stdout.replace('/var/cache/nginx-shop', folder('cache')))).toEqual({ accepted: true, messages: [] })
  })

  it('writes it to a file, and prints the topology under --json', async () => {
    const { code, stdout } = await app.run(['nginx', '--output', 'out/shop.conf', '--nginx', '1.28', '--json'])
    expect(code).toBe(0)
    const topology = JSON.parse(stdout) as Topology
    expect(topology).toMatchObject({ name: 'shop', servers: [{ host: '10.0.0.1', port: 3000 }, { host: '10.0.0.2' }], rabbitmq: true })
    expect(readFileSync(join(app.path, 'out/shop.conf'), 'utf8')).toContain('# nginx 1.28.0')
  })

  it('prints nothing but the name of the file with --output alone', async () => {
    const { stdout, stderr } = await app.run(['haproxy', '--output', 'haproxy.cfg'])
    expect(stdout).toBe('')
    expect(stderr).toContain('The file haproxy.cfg is written.')
    expect(existsSync(join(app.path, 'haproxy.cfg'))).toBe(true)
  })
})

describe.concurrent('its siblings', () => {
  it.each<[string[], (stdout: string) => void]>([
    [['caddy'], stdout => expect(stdout).toContain('to 10.0.0.1:3000 10.0.0.2:3000')],
    [['kubernetes', '--image', 'shop:1.2.3'], stdout => expect(parseAllDocuments(stdout).map(document => (document.toJS() as { kind: string }).kind)).toContain('Ingress')],
    [['compose'], stdout => expect(Object.keys((parse(stdout) as { services: object }).services)).toContain('postgres-eu')],
    [['diagram', '--target', 'kubernetes'], stdout => expect(stdout).toMatch(/^flowchart TD\n/)],
  ])('%j print their documents', async (args, check) => {
    const { code, stdout } = await app.run(args)
    expect(code).toBe(0)
    check(stdout)
  })

  it.each([
    [['nginx', '--nginx', '1.18'], '--nginx is "1.18": write 1.20 or newer.'],
    [['kubernetes', '--image', 'a b'], '--image is "a b": write an image with its tag'],
  ])('%j is refused with one sentence and code 1', async (args, message) => {
    const { code, stdout, stderr } = await app.run(args)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr.trim().split('\n').filter(line => !line.includes('config that speaks'))).toEqual([expect.stringContaining(message)])
  })

  it('names the option of nuxt.config that is wrong', async () => {
    const wrong = createCliApp(`{ deploy: { serverName: 'shop.example; }' } }`)
    const { code, stderr } = await wrong.run(['nginx'])
    wrong.remove()
    expect([code, stderr]).toEqual([1, expect.stringContaining('scale.deploy.serverName is "shop.example; }": write a domain')])
  })
})
