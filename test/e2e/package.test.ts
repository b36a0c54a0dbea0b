import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { publint } from 'publint'
import { productionEnvironment } from '../support/environment'
import { startNuxt } from '../support/nuxt'
import { startRedis } from '../support/redis'
import { createTemporaryDirectory } from '../support/temporary-directory'

const repository = resolve('.')
const modules = join(repository, 'node_modules')
const directory = createTemporaryDirectory('package')
const source = join(directory.path, 'source')
const app = join(directory.path, 'app')

afterAll(() => directory.remove())

function run(command: string, args: string[], cwd: string): string {
  const PATH = [join(modules, '.bin'), dirname(process.execPath), process.env.PATH].join(':')
  return execFileSync(command, args, { cwd, encoding: 'utf8', env: productionEnvironment({ PATH, NUXT_TELEMETRY_DISABLED: '1' }), stdio: ['ignore', 'pipe', 'pipe'] })
}

it('the packed package works in an app of its own', async () => {
  // Built in a copy, since the build takes the place of the stub that development uses.
  for (const file of run('git', ['ls-files', 'src', 'package.json', 'build.config.ts', 'tsconfig.json', 'README.md', 'LICENSE'], repository).trim().split('\n')) {
    mkdirSync(dirname(join(source, file)), { recursive: true })
    cpSync(join(repository, file), join(source, file))
  }
  symlinkSync(modules, join(source, 'node_modules'))
  run('nuxt-module-build', ['prepare'], source)
  run('nuxt-module-build', ['build'], source)
  expect((await publint({ pkgDir: source, strict: true })).messages).toEqual([])
  const tarball = run('npm', ['pack', '--ignore-scripts', '--silent'], source).trim().split('\n').at(-1)!

  cpSync(join(repository, 'test/fixtures/package'), app, { recursive: true })
  mkdirSync(join(app, 'node_modules/nuxt-scale'), { recursive: true })
  for (const name of readdirSync(modules)) {
    if (name !== 'nuxt-scale') symlinkSync(join(modules, name), join(app, 'node_modules', name))
  }
  run('tar', ['xzf', join(source, tarball), '--strip', '1', '-C', join(app, 'node_modules/nuxt-scale')], directory.path)
  run('nuxt', ['typecheck'], app)
  run('nuxt', ['build'], app)

  const redis = await startRedis()
  const servers = [await startNuxt(join(app, '.output'), { env: { DATABASE_URL: 'stub://one' } }), await startNuxt(join(app, '.output'), { env: { REDIS_URL: redis.url, DATABASE_URL: 'stub://two' } })]
  for (const [index, server] of servers.entries()) {
    expect(await (await server.fetch('/api/ruled?page=1&utm_source=mail')).json()).toEqual({ value: 1, wrong: 1, deleted: 0, redis: index === 1 })
    expect(await (await server.fetch('/api/cached')).json()).toEqual({ doubled: 42 })
    expect((await server.fetch('/api/health')).status).toBe(200)
    expect(await (await server.fetch('/api/database')).json()).toEqual({ doubled: 42, address: index === 0 ? 'stub://one' : 'stub://two', other: 'stub://other' })
    await server.stop()
  }
  expect((await redis.client().keys('scale:cache:*')).sort()).toEqual(['scale:cache:{function:double:21}', 'scale:cache:{key}', 'scale:cache:{route:/api/cached}', 'scale:cache:{route:/api/ruled?page=1}', 'scale:cache:{warm}'])
  await redis.stop()
})
