import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MigrationOutcome } from '../../src/cli/migrate/migrate'
import type { CliApp } from '../support/cli'
import { createCliApp } from '../support/cli'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'

const migration = `
import pg from 'pg'
const client = new pg.Client({ connectionString: process.env.DATABASE_URL, options: '-c search_path=' + (new URL(process.env.DATABASE_URL).searchParams.get('schema') ?? 'public') })
await client.connect()
await client.query('create table migrated ()')
await client.end()
`
/** Rows of a table that only the app can read. The pool is never ended, as in an app. */
const rows = `
import process from 'node:process'
import pg from 'pg'

interface Row { id: string, database: string, schema: string | null }
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })

export async function tenantRows(id?: string): Promise<Row[]> {
  return (await pool.query<Row>('select * from tenants where $1::text is null or id = $1 order by id', [id ?? null])).rows
}
`
const configOf = (functions: string, imports = '') => `
import { defineScaleConfig } from 'nuxt-scale/config'
import { tenantRows } from './utils/tenant-rows'
import { tenantRows as same } from '~~/server/utils/tenant-rows'
${imports}
if (same !== tenantRows) throw new Error('two copies')
const record = ({ database, schema }: { database: string, schema: string | null }) => ({ url: process.env.DATABASE_URL!.replace(/\\/main$/, '/' + database), schema: schema ?? undefined })
export default defineScaleConfig({ ${functions} })
`
const tenants = `async tenants(id) { const [row] = await tenantRows(id); return row && record(row) }`
const listTenants = `async listTenants() { return Object.fromEntries((await tenantRows()).map(row => [row.id, record(row)])) }`

let server: PostgresServer
const apps: CliApp[] = []

beforeAll(async () => {
  server = await startPostgres()
  await server.createDatabases('main', 'listed', 'one', 'many')
  await server.createSchemas('many', 'two', 'three')
  await server.query(`create table tenants (id text, database text, schema text); grant select on tenants to app;
    insert into tenants values ('one', 'one', null), ('two', 'many', 'two'), ('three', 'many', 'three'), ('listed', 'nowhere', null)`, 'main')
})

afterAll(async () => {
  apps.forEach(({ remove }) => remove())
  await server?.stop()
})

function createApp(functions: string, imports?: string): CliApp {
  const app = createCliApp(`{ database: {}, tenancy: { from: ['header'], map: { listed: 'DB_LISTED' } } }`, {
    'migrate.mjs': migration, 'server/scale.config.ts': configOf(functions, imports), 'server/utils/tenant-rows.ts': rows,
  })
  apps.push(app)
  return app
}

async function migrate(app: CliApp, ...args: string[]) {
  const { code, stdout, stderr } = await app.run(['migrate', '--command', 'node migrate.mjs', '--json', ...args], { DATABASE_URL: server.url('main'), DB_LISTED: server.url('listed') })
  expect(stdout + stderr).not.toContain(server.password)
  const outcomes = stdout ? (JSON.parse(stdout) as { outcomes: MigrationOutcome[] }).outcomes : []
  return { code, stderr, outcomes: Object.fromEntries(outcomes.map(({ names, status }) => [names.join('+'), status])) }
}

const isMigrated = async (database: string, schema = 'public') => (await server.query<{ there: boolean }>(`select to_regclass('${schema}.migrated') is not null as there`, database))[0]!.there

describe('tenants that only server/scale.config.ts knows', () => {
  it('are migrated by their ids, each in its database and schema, and unknown ones are named', async () => {
    const app = createApp(tenants)
    expect(await migrate(app, '--tenant', 'two')).toMatchObject({ code: 0, outcomes: { 'tenant:two': 'ok' } })
    expect([await isMigrated('many', 'two'), await isMigrated('many', 'three')]).toEqual([true, false])
    const unknown = await migrate(app, '--tenant', 'nobody')
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('The tenant "nobody" does not have a database in scale.tenancy.map or server/scale.config.ts')])
  })

  it('make --all stop, when nothing lists them', async () => {
    const { code, stderr } = await migrate(createApp(tenants), '--all')
    expect([code, stderr]).toEqual([1, expect.stringContaining('add listTenants() to this file, or write --tenant with their ids')])
    expect(await isMigrated('main')).toBe(false)
  })

  it('are all migrated with --all, once each, those of the map by the map', async () => {
    await server.query('drop table two.migrated', 'many')
    const app = createApp(`${tenants}, ${listTenants}`)
    expect(await migrate(app, '--all')).toMatchObject({ code: 0, outcomes: { 'default': 'ok', 'tenant:one': 'ok', 'tenant:two': 'ok', 'tenant:three': 'ok', 'tenant:listed': 'ok' } })
    for (const [database, schema] of [['main'], ['listed'], ['one'], ['many', 'two'], ['many', 'three']]) expect(await isMigrated(database!, schema)).toBe(true)
    expect(await isMigrated('many')).toBe(false)
  })

  it.each([
    ['a function that fails', `listTenants() { throw new Error('no answer from ' + process.env.DATABASE_URL) }`, '', /listTenants\(\) of server\/scale\.config\.ts failed: no answer from postgresql:\/\/\*\*\*@127/],
    ['what only the server has', `listTenants: () => usePrisma().tenant.findMany()`, '', /usePrisma is not defined\. Nothing is auto-imported outside the server/],
    ['a file that cannot be loaded', tenants, `import { useStorage } from '#imports'\nvoid useStorage`, /The command line cannot load server\/scale\.config\.ts: .*#imports.*Nothing is auto-imported/],
    ['what is no list', `listTenants: () => ['one'] as never`, '', /listTenants\(\) of server\/scale\.config\.ts must be an object/],
    ['what is no id', `listTenants: () => ({ 'No Id': 'DB' })`, '', /names the tenant "No Id", which scale\.tenancy\.pattern does not allow/],
  ])('stop everything with one sentence: %s', async (_, functions, imports, sentence) => {
    const { code, stderr } = await migrate(createApp(functions, imports), '--all')
    expect([code, stderr]).toEqual([1, expect.stringMatching(sentence)])
  })
})
