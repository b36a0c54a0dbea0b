import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { productionEnvironment } from '../support/environment'
import { startProcess } from '../support/process'

const fixture = resolve('test/fixtures/generate')

it('nuxt generate works with a Redis configured and none around', async () => {
  const generate = await startProcess({
    command: process.execPath,
    name: 'nuxt generate',
    args: [resolve('node_modules/nuxt/bin/nuxt.mjs'), 'generate', fixture],
    cwd: fixture,
    // Nothing listens there; a build that tried would hang or fail.
    env: productionEnvironment({ REDIS_URL: 'redis://127.0.0.1:1', NUXT_SCALE_REDIS_URL: 'redis://127.0.0.1:1', NUXT_TELEMETRY_DISABLED: '1' }),
  })
  const { code } = await generate.exited
  expect(code, generate.output().join('\n')).toBe(0)
  const page = await readFile(join(fixture, '.output/public/index.html'), 'utf8')
  expect(page).toContain('from the loader from the route rule')
  expect(existsSync(join(fixture, '.output/public/api/ruled'))).toBe(true)
  expect(generate.output().join('\n')).not.toMatch(/ECONNREFUSED|Redis at/)
})
