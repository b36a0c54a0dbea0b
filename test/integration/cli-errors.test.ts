import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildFixture } from '../support/nuxt'
import type { CliApp } from '../support/cli'
import { createCliApp } from '../support/cli'
import { createTemporaryDirectory } from '../support/temporary-directory'

const directory = createTemporaryDirectory('cli-errors')
const tenants = `import { defineScaleConfig } from 'nuxt-scale/config'
export default defineScaleConfig({ tenants: () => undefined, listTenants: () => ({ globex: 'DB_GLOBEX', initech: 'DB_INITECH' }) })\n`
let app: CliApp
let wrong: CliApp

beforeAll(() => {
  app = createCliApp(`{
    database: {},
    tenancy: { from: ['header'], map: { acme: 'DB_ACME' } },
    shards: { map: { eu: 'DB_EU', us: 'DB_US', asia: 'DB_ASIA' } },
  }`, { 'server/scale.config.ts': tenants })
  wrong = createCliApp(`{ shards: { map: { eu: 'DB_EU' } } }`)
})

afterAll(() => {
  for (const each of [app, wrong, { remove: directory.remove }]) each?.remove()
})

/** The lines of stderr that the command line wrote. */
async function failureOf(args: string[], from = app): Promise<string[]> {
  const { code, stdout, stderr } = await from.run(args)
  expect([args, code, stdout.replace('a config that speaks\n', '')]).toEqual([args, 1, ''])
  return stderr.trim().split('\n').filter(line => !line.includes('config that speaks'))
}

describe('a folder that is not an app', () => {
  const commands = [
    ['nginx'], ['haproxy'], ['caddy'], ['kubernetes'], ['compose'], ['diagram'], ['doctor'], ['migrate', '--all'], ['dlq', 'list'],
    ['shards', 'plan', '--add', 'eu2'], ['shards', 'status'], ['shards', 'move'], ['shards', 'verify'], ['shards', 'clean'],
  ]

  it('is refused by every command that reads an app', async () => {
    const sentence = `The folder ${directory.path} has no nuxt.config: write the folder of a Nuxt app with --cwd.`
    for (const command of commands) expect(await failureOf([...command, '--cwd', directory.path])).toEqual([sentence])
  })

  it('is named when it does not exist', async () => {
    const folder = join(directory.path, 'nowhere')
    expect(await failureOf(['nginx', '--cwd', folder])).toEqual([`The folder ${folder} does not exist: write the folder of a Nuxt app with --cwd.`])
  })

  it('is nothing to a command that reads no app', async () => {
    expect(await failureOf(['outbox', '--cwd', directory.path])).toEqual([expect.stringContaining('--cwd is not a flag of this command')])
  })
})

describe('a misspelt word is named, with the one that was meant', () => {
  it.each([
    [['docter'], '"docter" is not a command of nuxt-scale. Did you mean doctor? Its commands are nginx, haproxy,'],
    [['shards', 'mvoe', '--finish'], '"mvoe" is not a command of nuxt-scale shards. Did you mean move? Its commands are plan, move,'],
    [['whatever', '--help'], '"whatever" is not a command of nuxt-scale. Its commands are nginx,'],
    [['nginx', '--outptu', 'x'], '--outptu is not a flag of this command. Did you mean --output? Its flags are --nginx,'],
    [['doctor', '--everything'], '--everything is not a flag of this command. Its flags are --replicas,'],
    [['migrate', '--shard', 'aisa'], 'The shard "aisa" does not have a database in scale.shards.map: write one of eu, us, asia. Did you mean asia?'],
  ])('%j', async (args, sentence) => {
    expect(await failureOf(args)).toEqual([expect.stringContaining(sentence)])
  })
})

describe('lists are complete', () => {
  it('of tenants, when a name is wrong', async () => {
    expect(await failureOf(['migrate', '--tenant', 'nobody'])).toEqual([
      'The tenant "nobody" does not have a database in scale.tenancy.map or server/scale.config.ts: write one of globex, initech, acme.',
    ])
    expect(await failureOf(['migrate', '--tenant', 'globx'])).toEqual([expect.stringMatching(/Did you mean globex\?$/)])
  })

  it('of variables that are not set', async () => {
    const unset = ['DB_GLOBEX', 'DB_INITECH', 'DB_ACME', 'DB_EU', 'DB_US', 'DB_ASIA']
    const variables = (lines: readonly string[]) => lines.map(line => /the environment variable (\w+), which is not set/.exec(line)?.[1])
    expect(variables(await failureOf(['migrate', '--all']))).toEqual(unset)
    const { code, stdout } = await app.run(['doctor', '--json'], { DB_EU: 'file:eu.db' })
    const { findings } = JSON.parse(stdout) as { findings: { severity: string, feature: string, message: string }[] }
    expect(code).toBe(1)
    const ofDatabases = findings.filter(({ feature }) => feature === 'database').map(({ message }) => message)
    expect(variables(ofDatabases.slice(0, -1))).toEqual(unset.filter(name => name !== 'DB_EU'))
    // Those that are set are examined all the same.
    expect(ofDatabases.at(-1)).toContain('The database shard eu')
  })
})

describe('an option that is wrong', () => {
  const sentence = 'scale.shards needs scale.database, which creates the client of each shard: add database: {} to the scale block.'

  it('is refused by the commands as by the build, in one sentence', async () => {
    for (const command of [['nginx'], ['doctor'], ['shards', 'status'], ['dlq', 'list']]) expect(await failureOf(command, wrong)).toEqual([sentence])
  })

  it('shows where it comes from with --debug', async () => {
    expect((await failureOf(['nginx', '--debug'], wrong)).slice(0, 2)).toEqual([`Error: ${sentence}`, expect.stringMatching(/^ {4}at resolveOptions /)])
  })

  it('stops a build without a stack, unless debug is set', async () => {
    const root = resolve('test/.tmp/cli-errors')
    mkdirSync(root, { recursive: true })
    const failureOfBuild = async (debug: boolean) => {
      writeFileSync(join(root, 'nuxt.config.ts'), `export default defineNuxtConfig({ modules: ['../../../src/module'], debug: ${debug}, scale: { shards: { map: { eu: 'DB_EU' } } } })\n`)
      return await buildFixture(root).then(() => '', error => (error as Error).message)
    }
    const plain = await failureOfBuild(false)
    expect(plain).toContain(sentence)
    expect(plain).not.toMatch(/^\s+at /m)
    expect(await failureOfBuild(true)).toMatch(/^\s+at resolveOptions /m)
  }, 60_000)
})
