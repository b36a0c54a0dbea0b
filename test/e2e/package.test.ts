import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { publint } from 'publint'
import ts from 'typescript'
import { firstSlotMap } from '../../src/runtime/server/shards/slot-map'
import { serializeSlotMap } from '../../src/runtime/server/shards/stored-map'
import { startNuxt } from '../support/nuxt'
import type { PackedModule } from '../support/package'
import { installApp, installedSpec, packModule } from '../support/package'
import { startRedis } from '../support/redis'
import { createTemporaryDirectory } from '../support/temporary-directory'

const execute = promisify(execFile)
const directory = createTemporaryDirectory('package')
const app = join(directory.path, 'app')
const server = join(app, '.output/server')
let packed: PackedModule
let nuxt: (...args: string[]) => Promise<string>
let nuxtScale: (...args: string[]) => Promise<string>

beforeAll(async () => {
  packed = await packModule(directory.path)
  const run = await installApp('test/fixtures/package', app, [packed.tarball, ...['nuxt', 'typescript', 'vue-tsc'].map(installedSpec)])
  nuxt = (...args) => run('nuxt', args)
  nuxtScale = (...args) => run('nuxt-scale', args)
  await nuxt('build')
})

afterAll(() => directory.remove())

it('is a package that others can import', async () => {
  expect((await publint({ pkgDir: packed.folder, strict: true })).messages).toEqual([])
})

it('has types, wherever an ES module is imported', async () => {
  // The package contains ES modules only, like Nuxt. The profile therefore leaves out `require` in CommonJS and the resolution of node10,
  // which does not read `exports`. Every rule applies to the others.
  const { stdout, code } = await execute(resolve('node_modules/.bin/attw'), [packed.tarball, '--profile', 'esm-only', '--format', 'json'], { maxBuffer: 64 * 1024 * 1024 }).then(
    ({ stdout }) => ({ stdout, code: 0 }),
    (error: { stdout: string, code: number }) => error,
  )
  const { analysis, problems } = JSON.parse(stdout) as { analysis: { entrypoints: object }, problems: Record<string, { resolutionKind: string }[]> }
  const found = Object.values(problems).flat().filter(({ resolutionKind }) => !['node10', 'node16-cjs'].includes(resolutionKind))
  expect({ code, found }).toEqual({ code: 0, found: [] })
  expect(Object.keys(analysis.entrypoints).sort()).toEqual(['.', './config', './package.json', './prisma'])
})

it('declares every package that it imports', () => {
  // What npm puts side by side is found undeclared too; other package managers keep each to its own list.
  const { dependencies, peerDependencies = {} } = JSON.parse(readFileSync(join(packed.folder, 'package.json'), 'utf8')) as Record<'dependencies' | 'peerDependencies', Record<string, string>>
  const importedBy = (files: RegExp) => filesOf(join(packed.folder, 'dist'))
    .filter(file => files.test(file))
    .flatMap(file => ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles.map(({ fileName }) => fileName))
    // A virtual module of Nitro or of ours begins with #.
    .filter(name => !/^[.#]/.test(name) && !isBuiltin(name))
    .map(name => name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/'))
  const imported = importedBy(/\.m?js$/)
  // Nitro resolves itself and h3 wherever they are. A peer may be the app's alone, as the client is that Prisma generates.
  const declared = [...Object.keys(dependencies), ...Object.keys(peerDependencies), 'h3', 'nitropack']
  expect(imported.filter(name => !declared.includes(name))).toEqual([])
  // Some are needed for their types alone.
  const used = [...imported, ...importedBy(/\.d\.m?ts$/)]
  expect(Object.keys(dependencies).filter(name => !used.includes(name))).toEqual([])
})

it('type-checks, with auto-imports that know their types', async () => {
  await nuxt('typecheck')
})

it('brings its command line', async () => {
  writeFileSync(join(app, 'map.json'), serializeSlotMap(firstSlotMap(['eu', 'us'])))
  expect(JSON.parse(await nuxtScale('shards', 'plan', '--add', 'asia', '--map', 'map.json', '--json'))).toMatchObject({ moved: 1365 })
  expect(await nuxtScale('migrate', '--help')).toContain('nuxt-scale migrate --all')
  // The functions of an app are TypeScript that names the package.
  mkdirSync(join(app, 'shop/server/utils'), { recursive: true })
  writeFileSync(join(app, 'shop/nuxt.config.ts'), 'export default defineNuxtConfig({ scale: { tenancy: { from: [\'header\'] } } })\n')
  writeFileSync(join(app, 'shop/server/utils/tenants.ts'), 'export const tenants: Record<string, string> = { acme: \'postgresql://db/acme\' }\n')
  writeFileSync(join(app, 'shop/server/scale.config.ts'), 'import { defineScaleConfig } from \'nuxt-scale/config\'\nimport { tenants } from \'./utils/tenants\'\nexport default defineScaleConfig({ listTenants: () => tenants })\n')
  expect(JSON.parse(await nuxtScale('migrate', '--all', '--cwd', 'shop', '--command', 'true', '--json'))).toMatchObject({ outcomes: [{ names: ['tenant:acme'], status: 'ok' }] })
})

it('answers, embedded and with Redis', async () => {
  const redis = await startRedis()
  const servers = [await startNuxt(join(app, '.output'), { env: { DATABASE_URL: 'stub://one' } }), await startNuxt(join(app, '.output'), { env: { REDIS_URL: redis.url, DATABASE_URL: 'stub://two' } })]
  for (const [index, instance] of servers.entries()) {
    expect(await (await instance.fetch('/api/ruled?page=1&utm_source=mail')).json()).toEqual({ value: 1, wrong: 1, deleted: 0, redis: index === 1 })
    expect(await (await instance.fetch('/api/cached')).json()).toEqual({ doubled: 42 })
    expect((await instance.fetch('/api/health')).status).toBe(200)
    const visits = await instance.fetch('/api/visits')
    expect(visits.ok ? await visits.json() : visits.status).toEqual(index === 1 ? { visits: 1, wrong: 2 } : 500)
    expect(await (await instance.fetch('/api/database')).json()).toEqual({ doubled: 42, address: index === 0 ? 'stub://one' : 'stub://two', other: 'stub://other' })
    await instance.stop()
  }
  expect((await redis.client().keys('scale:cache:*')).sort()).toEqual(['scale:cache:{function:double:21}', 'scale:cache:{key}', 'scale:cache:{route:/api/cached}', 'scale:cache:{route:/api/ruled?page=1}', 'scale:cache:{warm}'])
  await redis.stop()
})

it('is given an authority by the environment', async () => {
  const redis = await startRedis({ tls: true, password: 'hunter2' })
  const file = join(directory.path, 'ca.pem')
  writeFileSync(file, redis.ca!)
  const visitsWith = async (env: NodeJS.ProcessEnv) => {
    const instance = await startNuxt(join(app, '.output'), { env: { NUXT_SCALE_REDIS_URL: redis.url, DATABASE_URL: 'stub://one', ...env } })
    // The check of health waits for the connection, which a call on the client itself does not.
    const health = await (await instance.fetch('/api/health')).json() as { status: string }
    const visits = await instance.fetch('/api/visits')
    await instance.stop()
    return [visits.ok ? await visits.json() : instance.logs().join('\n'), health.status]
  }
  expect(await visitsWith({ NUXT_SCALE_REDIS_TLS: JSON.stringify({ ca: redis.ca }) })).toEqual([{ visits: 1, wrong: 2 }, 'ok'])
  expect(await visitsWith({ NODE_EXTRA_CA_CERTS: file })).toEqual([{ visits: 3, wrong: 4 }, 'ok'])
  expect(await visitsWith({})).toEqual([expect.stringMatching(/^.*Redis at rediss:\S+ is not available: self-signed certificate in certificate chain$/m), 'degraded'])
  await redis.stop()
})

it('brings into the server what it needs and no more', () => {
  const files = filesOf(server).map(file => file.slice(server.length + 1))
  expect(files.filter(file => /\/consola\/.*(?:prompt|dist\/index)/.test(file))).toEqual([])
  expect(files.filter(file => /\/(?:ioredis|lru-cache|consola|devalue)\/package\.json$/.test(file))).toHaveLength(4)
  const bytes = files.filter(file => /^node_modules\/(?:@ioredis|cluster-key-slot|consola|debug|denque|ioredis|lru-cache|ms|redis-errors|redis-parser|standard-as-callback|supports-color)\//.test(file))
    .reduce((sum, file) => sum + statSync(join(server, file)).size, 0)
  expect(bytes).toBeLessThan(450_000)
})

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}
