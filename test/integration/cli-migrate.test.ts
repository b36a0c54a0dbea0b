import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Ledger } from '../../src/cli/migrate/ledger'
import type { MigrationOutcome } from '../../src/cli/migrate/migrate'
import type { CliApp } from '../support/cli'
import { createCliApp } from '../support/cli'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import { waitFor } from '../support/wait'

/** A real migration: it adds a column, and counts how often it ran where. Refuses what another file names. */
const migration = `
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import pg from 'pg'
const client = new pg.Client({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 5000 })
await client.connect()
const { rows: [{ name }] } = await client.query('select current_database() as name')
appendFileSync('started.txt', name + ' ' + process.pid + '\\n')
if (existsSync('broken.txt') && readFileSync('broken.txt', 'utf8').split(' ').includes(name)) throw new Error('no such column at ' + process.env.DATABASE_URL)
if (process.argv[2] === 'hang') setInterval(() => {}, 1000)
else {
  await client.query('create table if not exists migrated (at timestamptz default now(), target text)')
  await client.query('insert into migrated (target) values ($1)', [process.env.NUXT_SCALE_TARGET])
  await client.end()
}
`
const databases = ['main', 'acme', 'globex', 'initech', 'eu', 'us']
const scale = `{
  database: {},
  tenancy: { from: ['header'], map: { acme: 'DB_ACME', globex: 'DB_GLOBEX', initech: 'DB_INITECH', twin: 'DB_ACME' } },
  shards: { map: { eu: 'DB_EU', us: 'DB_US' } },
}`
let server: PostgresServer
let app: CliApp
const apps: CliApp[] = []

beforeAll(async () => {
  server = await startPostgres()
  await server.createDatabases(...databases)
})

afterAll(async () => {
  apps.forEach(({ remove }) => remove())
  await server?.stop()
})

beforeEach(async () => {
  for (const database of databases) await server.query('drop table if exists migrated', database)
  // One address comes from .env, as it does in development.
  app = createCliApp(scale, { 'migrate.mjs': migration, '.env': `DB_US=${server.url('us')}\n` })
  apps.push(app)
})

const addresses = () => ({ DATABASE_URL: server.url('main'), DB_ACME: server.url('acme'), DB_GLOBEX: server.url('globex'), DB_INITECH: server.url('initech'), DB_EU: server.url('eu') })
const ledger = () => readFileSync(join(app.path, '.data/nuxt-scale/migrate.json'), 'utf8')
const started = () => readFileSync(join(app.path, 'started.txt'), 'utf8').trim().split('\n').map(line => line.split(' ')[0])
const breakFor = (...names: string[]) => writeFileSync(join(app.path, 'broken.txt'), names.join(' '))

/** How often the migration ran in each database. */
async function runs(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const database of databases) {
    const [table] = await server.query<{ there: boolean }>(`select to_regclass('migrated') is not null as there`, database)
    counts[database] = table!.there ? (await server.query<{ count: number }>('select count(*)::int as count from migrated', database))[0]!.count : 0
  }
  return counts
}

async function migrate(...args: string[]): Promise<{ code: number | null, all: string, outcomes: Record<string, MigrationOutcome['status']> }> {
  const { code, stdout, stderr } = await app.run(['migrate', '--command', 'node migrate.mjs', '--json', ...args], addresses())
  const { outcomes } = JSON.parse(stdout) as { outcomes: MigrationOutcome[] }
  return { code, all: stdout + stderr, outcomes: Object.fromEntries(outcomes.map(({ names, status }) => [names.join('+'), status])) }
}

it('runs once for every database, a shared address once, and a secret is nowhere', async () => {
  const { code, all, outcomes } = await migrate('--all')
  expect(code).toBe(0)
  expect(outcomes).toEqual({ 'default': 'ok', 'tenant:acme+tenant:twin': 'ok', 'tenant:globex': 'ok', 'tenant:initech': 'ok', 'shard:eu': 'ok', 'shard:us': 'ok' })
  expect(await runs()).toEqual(Object.fromEntries(databases.map(database => [database, 1])))
  expect(started()[0]).toBe('main')
  expect(Object.keys((JSON.parse(ledger()) as Ledger).entries)).toHaveLength(7)
  expect(all + ledger()).not.toContain(server.password)
})

it('goes on after a failure, and --resume runs what has not succeeded and nothing else', async () => {
  breakFor('globex', 'us')
  const first = await migrate('--all')
  expect(first.code).toBe(2)
  expect(first.outcomes).toMatchObject({ 'tenant:globex': 'failed', 'shard:us': 'failed', 'tenant:initech': 'ok', 'shard:eu': 'ok' })
  expect(first.all).toContain('no such column at ***')
  expect(first.all + ledger()).not.toContain(server.password)

  breakFor('us')
  const second = await migrate('--all', '--resume')
  expect([second.code, second.outcomes['tenant:globex'], second.outcomes['shard:us'], second.outcomes.default]).toEqual([2, 'ok', 'failed', 'done'])
  breakFor()
  expect((await migrate('--all', '--resume')).code).toBe(0)
  expect(await runs()).toEqual(Object.fromEntries(databases.map(database => [database, 1])))
  // Another release is another matter.
  expect((await migrate('--tenant', 'acme', '--resume', '--release', 'v2')).outcomes).toEqual({ 'tenant:acme': 'ok' })
  expect((await runs()).acme).toBe(2)
})

it('stops at a canary that fails, and touches nothing else', async () => {
  breakFor('main')
  const { code, outcomes } = await migrate('--all')
  expect(code).toBe(1)
  expect(Object.values(outcomes)).toEqual(['failed', 'not-run', 'not-run', 'not-run', 'not-run', 'not-run'])
  expect(started()).toEqual(['main'])
})

it('a new migration of Prisma is a new release', async () => {
  const write = (name: string) => createMigration(join(app.path, 'prisma/migrations'), name)
  write('001')
  expect((await migrate('--shard', 'eu')).outcomes).toEqual({ 'shard:eu': 'ok' })
  expect((await migrate('--shard', 'eu', '--resume')).outcomes).toEqual({ 'shard:eu': 'done' })
  write('002')
  expect((await migrate('--shard', 'eu', '--resume')).outcomes).toEqual({ 'shard:eu': 'ok' })
})

it('ends a command at its deadline, and goes on', async () => {
  const { code, stderr } = await app.run(['migrate', '--tenant', 'acme,globex', '--command', '[ "$NUXT_SCALE_TARGET" = tenant:acme ] || exec sleep 300', '--timeout', '500ms'], addresses())
  expect(code).toBe(2)
  expect(stderr).toContain('tenant:globex took longer than 500 ms')
})

it('Ctrl-C ends the commands with all that they started', async () => {
  const child = app.start(['migrate', '--all', '--canary', '0', '--concurrency', '3', '--command', '(node migrate.mjs hang); true', '--json'], addresses())
  let stdout = ''
  child.stdout.on('data', (text: Buffer) => {
    stdout += text
  })
  const pids = await waitFor(() => {
    const lines = readFileSync(join(app.path, 'started.txt'), 'utf8').trim().split('\n')
    return lines.length === 3 && lines.map(line => Number(line.split(' ')[1]))
  }, { timeout: 30_000, message: 'three commands to start' })
  const ended = new Promise<number | null>(resolve => child.once('exit', code => resolve(code)))
  child.kill('SIGINT')
  expect(await ended).toBe(1)
  const { outcomes } = JSON.parse(stdout) as { outcomes: MigrationOutcome[] }
  expect(outcomes.map(({ status, message }) => message ?? status)).toEqual([...Array.from({ length: 3 }).fill('was interrupted'), ...Array.from({ length: 3 }).fill('not-run')])
  for (const pid of pids) {
    await waitFor(() => {
      try {
        process.kill(pid, 0)
      }
      catch {
        return true
      }
    }, { message: `process ${pid} to be gone` })
  }
})

function createMigration(folder: string, name: string): void {
  mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, name, 'migration.sql'), `select '${name}';\n`)
}
