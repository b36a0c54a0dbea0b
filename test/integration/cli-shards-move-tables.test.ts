import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { CleanReport } from '../../src/cli/shards/clean'
import type { MoveReport } from '../../src/cli/shards/move'
import type { VerifyReport } from '../../src/cli/shards/verify'
import { isStaleShardMap } from '../../src/runtime/server/database/errors'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import type { MoveBench, MoveBenchOptions } from '../support/shard-move'
import { createMoveBench } from '../support/shard-move'
import { createPrismaClient } from '../../src/prisma'
import { generatePrisma, itemTable } from '../support/prisma'

let server: PostgresServer
let other: PostgresServer
let bench: MoveBench
let count = 0

beforeAll(async () => {
  [server, other] = await Promise.all([startPostgres(), startPostgres()])
})

afterEach(() => bench?.remove())

afterAll(async () => {
  await Promise.all([server?.stop(), other?.stop()])
})

async function create(tables: string, options: MoveBenchOptions['options'], rest: Partial<MoveBenchOptions> = {}): Promise<void> {
  bench = await createMoveBench({ servers: { eu: server, eu2: other }, name: `tables${++count}`, tables, options, ...rest })
}

const plan = () => bench.ok('plan', '--add', 'eu2', '--write')

describe('rows', () => {
  it('of every type arrive as they were, in two schemas of one database, each with enums of its own', async () => {
    const columns = ['"user" bigint not null', 'at timestamptz not null', 'number integer generated always as identity', 'mood mood', 'moods mood[]', 'share percent', 'price numeric', 'exact numeric(12, 4)', 'real real', 'double double precision', 'small smallint', 'flag boolean', 'fixed char(8)', 'one "char"', 'short varchar(20)', 'bits bit varying', 'bytes bytea', 'day date', 'clock time with time zone', 'local timestamp', 'span interval', 'plain json', 'binary_json jsonb', 'nested integer[][]', 'words text[]', 'area box', 'net cidr', 'mac macaddr', 'ranges int8range', 'dates daterange', 'search tsvector', '"odd ""name$" text']
    const values = ['number', '\'2026-03-29 01:30:00.123456+00\'::timestamptz + number * interval \'1 microsecond\'', '\'good\'', '\'{bad,NULL}\'', '99.5', '\'NaN\'', '1234.5678', '0.1', '\'-Infinity\'', '-5', 'true', '\'ab\'', '\'x\'', '\'ü \'\'" \\\'', '\'10110\'', '\'\\x00ff10\'', '\'0044-03-15 BC\'', '\'23:59:59+02\'', '\'infinity\'', '\'1 mon -3 days 00:00:00.000001\'', '\'{ "a" : 1,  "a": 2 }\'', '\'null\'', '\'[2:3][1:2]={{1,2},{3,4}}\'', 'array[\'\', \'null\', null, \'{}\', \',\']', '\'(2,2),(0,0)\'', '\'10.0.0.0/8\'', '\'08:00:2b:01:02:03\'', '\'[1,)\'', '\'empty\'', '\'a:1 b:2\'', '\'$1 $$ ;--\'']
    const schema = (name: string) => `create schema ${name}; set search_path to ${name}; create type mood as enum ('good', 'bad'); create domain percent as numeric check (value <= 100); create table everything (${columns.join(', ')}, primary key ("user", at));`
    const map = { eu: { url: 'DATABASE_URL_EU', schema: 'old' }, eu2: { url: 'DATABASE_URL_EU', schema: 'fresh' } }
    await create(`${schema('old')} ${schema('fresh')}`, { map, tables: { everything: 'user' } }, { servers: { eu: server, eu2: server } })
    const given = columns.map(column => /^(?:"(?:[^"]|"")+"|\w+)/.exec(column)![0]).filter(name => name !== 'number')
    await bench.query('eu', `set search_path to old; insert into everything (${given.join(', ')}) select ${values.join(', ')} from generate_series(1, 500) number; insert into everything ("user", at) select number, now() from generate_series(1, 100) number`)
    const before = await bench.query('eu', 'select row::text from old.everything row order by 1')
    expect(before).toHaveLength(600)
    await plan()
    await bench.ok('move', '--batch', '37')
    await bench.ok('move', '--finish')
    await bench.ok('clean', '--delete')
    expect(await bench.query('eu', 'select row::text from old.everything row union all select row::text from fresh.everything row order by 1')).toEqual(before)
    for (const name of ['old', 'fresh']) expect((await bench.query<{ rows: number }>('eu', `select count(*)::int as rows from ${name}.everything`))[0]!.rows).toBeGreaterThan(200)
  })

  it('with a prefix, an override or no id stay', async () => {
    await create('create table users (id text primary key, owner text)', { tables: { users: 'owner' }, regions: { DE: 'eu' } }, { overrides: { big: 'eu' } })
    await bench.query('eu', `insert into users select 'a' || number, case number % 5 when 0 then 'eu-' || number when 1 then 'De-' || number when 2 then 'big' when 3 then null else number::text end from generate_series(1, 1000) number`)
    await plan()
    await bench.ok('move')
    await bench.ok('move', '--finish')
    await bench.ok('clean', '--delete')
    const moved = await bench.query<{ owner: string }>('eu2', 'select owner from users')
    expect(moved.length).toBeGreaterThan(50)
    expect(moved.filter(({ owner }) => !/^\d+$/.test(owner))).toEqual([])
    expect(await bench.query('eu', 'select count(*)::int as count from users where owner !~ \'^[0-9]+$\' or owner is null')).toEqual([{ count: 800 }])
  })

  it('bring their numbers with them: the sequence of the new shard goes on behind', async () => {
    await create('create table users (id serial primary key, name text)', { tables: { users: 'id' } })
    await bench.query('eu', 'insert into users (name) select \'x\' from generate_series(1, 500)')
    await plan()
    await bench.ok('move')
    expect(await bench.query('eu2', 'select nextval(\'users_id_seq\')::int as next')).toEqual([{ next: 501 }])
  })
})

describe('writes by an old map', () => {
  it('are refused with a code of their own, also in a snapshot that is older than the move, and so is TRUNCATE', async () => {
    await create('create table users (id text primary key, name text)', { tables: { users: 'id' } })
    await bench.query('eu', 'insert into users select number, \'x\' from generate_series(1, 100) number')
    const client = new pg.Client(bench.urls.eu)
    await client.connect()
    try {
      await client.query('begin isolation level repeatable read; select 1')
      await plan()
      await bench.ok('move')
      const refused = async (sql: string) => client.query(sql).then(() => undefined, (error: unknown) => error)
      const moved = (await bench.query<{ id: string }>('eu2', 'select id from users limit 1'))[0]!.id
      const error = await refused(`update users set name = 'late' where id = '${moved}'`)
      expect(error).toMatchObject({ code: 'NS001', message: 'StaleShardMap: this row of users has moved to another shard, or is about to move: read the slot map again, and retry.' })
      expect(isStaleShardMap(error)).toBe(true)
      await client.query('rollback')
      expect(await refused(`delete from users where id = '${moved}'`)).toMatchObject({ code: 'NS001' })
      expect(await refused(`insert into users values ('${moved}', 'again') on conflict (id) do update set name = 'again'`)).toMatchObject({ code: 'NS001' })
      expect(await refused('truncate users')).toMatchObject({ code: 'NS001' })
      // What stays is written as ever.
      const stays = (await bench.query<{ id: string }>('eu', `select id from users where id not in (${(await bench.query<{ id: string }>('eu2', 'select id from users')).map(({ id }) => `'${id}'`).join(', ')}) limit 1`))[0]!.id
      expect(await refused(`update users set name = 'fine' where id = '${stays}'`)).toBeUndefined()
      expect(isStaleShardMap(new Error('x', { cause: error }))).toBe(true)
      expect(isStaleShardMap(new Error('duplicate key'))).toBe(false)
    }
    finally {
      await client.end()
    }
  })
})

it('the feature of the databases knows the refusal by what Prisma says of it', async () => {
  const { PrismaClient } = await import(await generatePrisma('test/fixtures/database')) as { PrismaClient: new (options: never) => { item: { update: (query: object) => Promise<unknown> }, $queryRawUnsafe: (sql: string) => Promise<unknown>, $disconnect: () => Promise<void> } }
  await create(itemTable, { tables: { Item: 'id' } })
  await bench.query('eu', 'insert into "Item" (name) select \'x\' from generate_series(1, 50)')
  await plan()
  await bench.ok('move')
  const [moved] = await bench.query<{ id: number }>('eu2', 'select id from "Item" limit 1')
  const client = createPrismaClient(PrismaClient, { url: bench.urls.eu })
  try {
    for (const write of [client.item.update({ where: moved, data: { name: 'late' } }), client.$queryRawUnsafe(`delete from "Item" where id = ${moved!.id}`)]) {
      const error = await write.then(() => undefined, (error: unknown) => error)
      expect(error).toBeInstanceOf(Error)
      expect(isStaleShardMap(error)).toBe(true)
    }
  }
  finally {
    await client.$disconnect()
  }
})

describe('verify', () => {
  it('finds what differs, ends with 2, and the reads do not change', async () => {
    await create('create table users (id integer, part text, name text, primary key (part, id))', { tables: { users: 'id' } })
    await bench.query('eu', 'insert into users select number, \'p\', \'x\' from generate_series(1, 300) number')
    await plan()
    expect((await bench.shards('verify')).sentence).toBe('The move from eu to eu2 has not copied all rows yet: run "nuxt-scale shards move" first.')
    await bench.ok('move', '--until', 'verify')
    expect((await bench.ok<VerifyReport>('verify')).moves).toMatchObject([{ from: 'eu', to: 'eu2', differences: [], more: false }])
    const [changed, gone] = await bench.query<{ id: number }>('eu2', 'select id from users order by id limit 2')
    const stranger = (await bench.query<{ id: number }>('eu2', 'select max(id) as id from users'))[0]!.id
    await bench.query('eu2', `set nuxt_scale.mover = 'on'; update users set name = 'y' where id = ${changed!.id}; delete from users where id = ${gone!.id}; insert into users values (${stranger}, 'other', 'x')`)
    const { code, report } = await bench.shards<VerifyReport>('verify')
    expect(code).toBe(2)
    expect(report.moves[0]!.differences).toHaveLength(3)
    expect(report.moves[0]!.differences).toEqual(expect.arrayContaining([
      { table: 'users', key: ['p', String(changed!.id)], kind: 'different' },
      { table: 'users', key: ['p', String(gone!.id)], kind: 'missing' },
      { table: 'users', key: ['other', String(stranger)], kind: 'extra' },
    ]))
    const move = await bench.shards<MoveReport>('move')
    expect([move.code, move.report.moves[0]!.state, bench.map().moving[0]!.state]).toEqual([2, 'verify', 'verify'])
    // A move that is taken back and made again mends it.
    await bench.ok('move', '--back')
    await bench.ok('clean', '--delete')
    await plan()
    await bench.ok('move')
  })
})

describe('what cannot be moved is refused with one sentence, and nothing changes', () => {
  const users = 'create table users (id text primary key, name text);'
  const fill = 'insert into users select number, \'x\' from generate_series(1, 100) number;'

  it.each<[tables: string, options: MoveBenchOptions['options'], prepare: { eu?: string, eu2?: string }, sentence: string]>([
    ['create table users (id text)', { tables: { users: 'id' } }, {}, 'The table users of the shard eu has no primary key, which identifies its rows: add one.'],
    [users, { tables: { people: 'id' } }, {}, 'The table people does not exist on the shard eu: migrate the shard, or write the name that the table has in the database.'],
    [users, { tables: { users: 'user' } }, {}, 'The table users of the shard eu has no column user: write the column that contains the id.'],
    ['create table users (id numeric primary key)', { tables: { users: 'id' } }, {}, 'The table users of the shard eu has ids of type numeric in id: ids must be strings, UUIDs or whole numbers.'],
    [users, {}, {}, 'No tables are set: set scale.shards.tables, as in { User: \'id\', Order: \'userId\' }, or write --tables User:id,Order:userId.'],
    [`${users} create table logs (id int primary key, "user" text references users)`, { tables: { users: 'id' } }, {}, 'The table logs of the shard eu references rows of users (logs_user_fkey), but does not move with them: add it to the tables, with the column of its id.'],
    ['create table a (id int primary key, b int); create table b (id int primary key, a int references a); alter table a add foreign key (b) references b', { tables: { a: 'id', b: 'id' } }, {}, 'The foreign keys of the tables a, b form a cycle, so their rows cannot be copied in order: remove one of these keys.'],
    ['create table users (id int primary key, boss int not null references users)', { tables: { users: 'id' } }, {}, 'The foreign key users_boss_fkey of the table users references the same table in columns that are NOT NULL, so its rows cannot be copied in order: allow NULL in these columns.'],
    ['create table users (id int primary key) partition by range (id)', { tables: { users: 'id' } }, {}, 'The table users of the shard eu must be a plain table, not a view or a partitioned table: write another table.'],
    [users, { tables: { users: 'id' } }, { eu2: 'alter table users add age int' }, 'The table users has the columns id, name on eu and age, id, name on eu2: migrate both to the same version.'],
    [users, { tables: { users: 'id' } }, { eu2: fill }, 'The shard eu2 contains 48 rows of users whose ids belong to the old shard: find out where they come from, and delete them before you move rows.'],
    [users, { tables: { users: 'id' }, map: { eu: 'DATABASE_URL_EU', eu2: 'file:./eu2.db' } }, {}, 'The shard eu2 is not a PostgreSQL database: rows can only move between PostgreSQL databases.'],
    [users, { tables: { users: 'id' }, map: { eu: 'DATABASE_URL_EU', eu2: 'DATABASE_URL_EU' } }, {}, 'The shards eu and eu2 have the same address: give each shard its own database or schema.'],
    [users, { tables: { users: 'id' }, map: { eu: 'DATABASE_URL_EU', eu2: { url: 'DATABASE_URL_EU2', schema: 'fresh' } } }, {}, 'The schema fresh of the shard eu2 does not exist: migrate the shard first.'],
    [`create table messages (id int primary key, sender text, reply int references messages); ${users}`, { tables: { messages: 'sender' } }, { eu: 'insert into messages select number, number::text, null from generate_series(1, 50) number; update messages set reply = 51 - id' }, 'reference rows of messages that move'],
  ])('%s %j %j: %s', async (tables, options, { eu: first, eu2: second }, sentence) => {
    await create(tables, options)
    if (first) await bench.query('eu', first)
    if (second) await bench.query('eu2', second)
    await plan()
    const map = bench.map()
    const { code, sentence: said, report } = await bench.shards('move')
    expect([code, said, report]).toEqual([1, expect.stringContaining(sentence), undefined])
    expect(bench.map()).toEqual(map)
    for (const shard of ['eu', 'eu2'] as const) {
      expect(await bench.query(shard, 'select relname from pg_class where relname like \'nuxt_scale%\' and relkind = \'r\'')).toEqual([])
    }
  })

  it('a key that another row of the new shard has is never written over', async () => {
    await create('create table orders (id integer primary key, "user" text, name text)', { tables: { orders: 'user' } })
    await bench.query('eu', 'insert into orders select number, number, \'ours\' from generate_series(1, 100) number')
    await bench.query('eu2', 'insert into orders select number, \'eu2-\' || number, \'theirs\' from generate_series(1, 100) number')
    await plan()
    const { code, sentence } = await bench.shards('move')
    expect([code, sentence]).toEqual([1, expect.stringMatching(/^The shard eu2 has other rows in orders with the primary keys of rows that move \(\d+ of \d+\): use keys that are unique over all shards, such as UUIDs\.$/)])
    expect(await bench.query('eu2', 'select count(*)::int as count from orders where name = \'theirs\'')).toEqual([{ count: 100 }])
    await bench.ok('move', '--back')
    await bench.ok('clean', '--delete')
    expect(await bench.query('eu2', 'select count(*)::int as count from orders where name = \'theirs\'')).toEqual([{ count: 100 }])
  })

  it('a map that has gone back, or was advanced by hand', async () => {
    await create(users, { tables: { users: 'id' } })
    await plan()
    const planned = bench.map()
    bench.writeMap({ ...planned, moving: planned.moving.map(move => ({ ...move, state: 'verify' })) })
    expect((await bench.shards('move')).sentence).toBe('The map says verify, but the shard eu has no record of the move: restore the map that the last command stored.')
    bench.writeMap(planned)
    await bench.ok('move', '--until', 'verify')
    const verified = bench.map()
    bench.writeMap({ ...verified, version: verified.version + 1, moving: verified.moving.map(move => ({ ...move, state: 'read-new' })) })
    expect((await bench.shards('move')).sentence).toBe('The map says read-new, but eu still accepts writes: restore the map that the last command stored.')
    bench.writeMap(verified)
    await bench.ok('move')
    bench.writeMap(verified)
    expect((await bench.shards('move', '--back')).sentence).toMatch(/^The map has version \d, but the shards have seen version \d: restore the map that the last command stored\.$/)
  })

  it.each([
    [['move', '--finish', '--back'], '--finish and --back exclude each other: write only one of them.'],
    [['move', '--until', 'later'], '--until is "later": write \'copying\', \'dual-write\', \'verify\', \'read-new\'.'],
    [['move', '--tables', 'users'], '--tables contains "users": write the name of a table and the column of its id, such as user:id,order:userId.'],
    [['move', '--from', 'mars'], 'server/shards.json does not contain this move: write --from and --to of one of eu → eu2.'],
    [['move', '--finish'], 'The move from eu to eu2 is in the state copying: run "nuxt-scale shards move" until it is in the state read-new, then finish it.'],
  ])('%j', async (args, sentence) => {
    await create(users, { tables: { users: 'id' } })
    expect((await bench.shards('move')).sentence).toBe('server/shards.json does not contain any move: store a plan with "nuxt-scale shards plan --add <shard> --write".')
    await plan()
    expect((await bench.shards<MoveReport | CleanReport>(...args)).sentence).toBe(sentence)
  })
})
