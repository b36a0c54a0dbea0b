import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import type { MoveLab, MoveLabOptions } from '../support/move-lab'
import { createMoveLab } from '../support/move-lab'

/** What a move brings to the new shard, and what it refuses to begin with. */

let server: PostgresServer
let count = 0

beforeAll(async () => {
  server = await startPostgres()
  await server.query('create role helper login password \'hidden\'')
})

afterAll(() => server?.stop())

const create = (schema: string, tables: Record<string, string>, rest: Partial<MoveLabOptions> = {}) => createMoveLab({ server, name: `carries${++count}`, schema, tables, ...rest })

const rowsOf = async (lab: MoveLab, shard: 'eu' | 'eu2', table: string) => Number((await lab.app(shard, `select count(*) as rows from ${table}`))[0]!.rows)

/** What a move has installed. */
const installed = (lab: MoveLab) => lab.superuser(`select relname from pg_class where relname like 'nuxt_scale%' and relnamespace::regnamespace::text in ('${lab.schemas.eu}', '${lab.schemas.eu2}')`)

describe('row-level security', () => {
  const schema = 'create table users (id text primary key, name text); create table orders (id text primary key, "userId" text references users)'
  const tables = { users: 'id', orders: 'userId' }
  const fill = 'insert into users select number, \'x\' from generate_series(1, 200) number'
  const policy = 'alter table users enable row level security; create policy own on users using (name = current_setting(\'app.tenant\', true))'
  const help = 'run the command as a role with BYPASSRLS, or as the owner of the table without FORCE ROW LEVEL SECURITY.'

  it('hides no row from a move: it is refused before it begins where it is forced upon the owner', async () => {
    const lab = await create(schema, tables)
    await lab.app('eu', fill)
    await lab.app('eu', `${policy}; alter table users force row level security`)
    lab.plan()
    const planned = lab.map()
    expect(await lab.sentence(lab.move())).toBe(`Row-level security hides rows of users on the shard eu from the role app: ${help}`)
    expect(lab.map()).toBe(planned)
    expect(await installed(lab)).toEqual([])
    // Where it does not hold for the owner, every row moves.
    await lab.app('eu', 'alter table users no force row level security')
    await lab.move()
    expect(await rowsOf(lab, 'eu2', 'users')).toBeGreaterThan(50)
  })

  it('stops a move that is under way when it is forced upon the owner', async () => {
    const lab = await create(schema, tables)
    await lab.app('eu', fill)
    lab.plan()
    await lab.move({ until: 'dual-write' })
    let forced: Promise<unknown> = Promise.resolve()
    const late = lab.move({
      store: {
        name: 'server/shards.json',
        read: async () => lab.map(),
        async update() {
          forced = lab.app('eu', `${policy}; alter table users force row level security; update users set name = 'y'`)
          await forced
          throw new Error('stopped')
        },
      },
    })
    expect(await lab.sentence(late)).toBe('stopped')
    await forced
    expect(await lab.sentence(lab.move())).toBe(`Row-level security hides rows of users on the shard eu from the role app: ${help}`)
    expect(lab.map().moving[0]!.state).toBe('dual-write')
  })

  it('refuses a role that neither owns the tables nor bypasses it', async () => {
    const lab = await create(schema, tables, { role: 'helper' })
    await lab.app('eu', fill)
    const both = Object.values(lab.schemas).join(', ')
    await lab.superuser(`grant all on schema ${both} to helper; grant all on all tables in schema ${both} to helper`)
    lab.plan()
    const planned = lab.map()
    expect(await lab.sentence(lab.move())).toBe('The role helper does not own users on the shard eu, so it could not remove what a move installs: run the command as app, or grant app to helper.')
    await lab.app('eu', policy)
    expect(await lab.sentence(lab.move())).toBe(`Row-level security hides rows of users on the shard eu from the role helper: ${help}`)
    expect(lab.map()).toBe(planned)
  })

  it('a table with children that inherit from it is refused: writes to them fire no trigger of their parent', async () => {
    const lab = await create(`${schema}; create table admins () inherits (users)`, tables)
    lab.plan()
    expect(await lab.sentence(lab.move())).toBe('The table users of the shard eu has the child admins, whose rows do not move with it: move rows between plain tables, without INHERITS.')
  })

  it('rows are counted a second time, by the ids that the app itself would look for', async () => {
    const lab = await create(schema, tables)
    await lab.app('eu', fill)
    lab.plan()
    await lab.move({ until: 'verify' })
    // A function that forgets some ids is the same on both sides, so a comparison of rows alone finds nothing.
    for (const { sql } of await lab.superuser(`select pg_get_functiondef(oid) as sql from pg_proc where proname like 'nuxt_scale_slot_%' and pronamespace::regnamespace::text like '${lab.schemas.eu.slice(0, -3)}%'`)) {
      await lab.superuser(String(sql).replace('if id is null', 'if id like \'%7\' or id is null'))
    }
    await lab.superuser(`set nuxt_scale.mover = 'on'; delete from ${lab.schemas.eu2}.users where id like '%7'`)
    expect(await lab.sentence(lab.move())).toMatch(/^The table users of the shard eu has \d+ rows whose ids move, but \d+ of them were compared: /)
    expect(lab.map().moving[0]!.state).toBe('verify')
  })
})

describe('sequences', () => {
  const fill = 'insert into orders ("userId") select number from generate_series(1, 100) number'
  const numbered = (options: string) => `create table orders (id integer primary key generated by default as identity ${options}, "userId" text)`
  const tables = { orders: 'userId' }
  const next = async (lab: MoveLab, shard: 'eu' | 'eu2', name = 'orders_id_seq') => Number((await lab.app(shard, `select nextval('${name}') as next`))[0]!.next)
  const reshape = (lab: MoveLab, shard: 'eu' | 'eu2', options: string) => lab.app(shard, `alter sequence orders_id_seq ${options}`)

  /** There, some rows more, and back: no id is given out twice. */
  async function thereAndBack(lab: MoveLab): Promise<void> {
    lab.plan()
    await lab.move()
    const moved = (await lab.app('eu2', 'select "userId" from orders limit 1'))[0]!.userId
    const stays = (await lab.app('eu', `select "userId" from orders where "userId" <> all ('{${(await lab.app('eu2', 'select "userId" from orders')).map(row => row.userId).join(',')}}') limit 1`))[0]!.userId
    await lab.app('eu2', `insert into orders ("userId") select '${moved}' from generate_series(1, 20)`)
    await lab.app('eu', `insert into orders ("userId") select '${stays}' from generate_series(1, 20)`)
    const own = await rowsOf(lab, 'eu2', 'orders')
    await lab.back()
    expect(await rowsOf(lab, 'eu', 'orders')).toBe(140)
    await lab.app('eu', `insert into orders ("userId") select '${moved}' from generate_series(1, 20)`)
    await lab.move()
    expect(await rowsOf(lab, 'eu2', 'orders')).toBe(own + 20)
    await lab.app('eu2', `insert into orders ("userId") select '${moved}' from generate_series(1, 20)`)
    expect((await lab.app('eu', `select id from ${lab.schemas.eu}.orders union select id from ${lab.schemas.eu2}.orders`)).length).toBe(180)
  }

  it('with odd and even numbers stay odd and even, there and back', async () => {
    const lab = await create(numbered('(start with 1 increment by 2)'), tables)
    await reshape(lab, 'eu2', 'start with 2 restart with 2')
    await lab.app('eu', fill)
    await thereAndBack(lab)
    expect([await next(lab, 'eu') % 2, await next(lab, 'eu2') % 2]).toEqual([1, 0])
  })

  it.each([
    ['by MINVALUE and MAXVALUE', '(minvalue 1 maxvalue 99999)', 'minvalue 100000 maxvalue 199999 start with 100000 restart with 100000'],
    ['by START', '', 'start with 1000 restart with 1000'],
    ['by RESTART alone', '', 'restart with 1000000'],
  ])('with a range for each shard stay in it, there and back: %s', async (_, first, second) => {
    const lab = await create(numbered(first), tables)
    await reshape(lab, 'eu2', second)
    await lab.app('eu', fill)
    await thereAndBack(lab)
    expect(await next(lab, 'eu')).toBeLessThan(300)
    expect(await next(lab, 'eu2')).toBeGreaterThanOrEqual(1000)
  })

  it('that were never called stay at their first number', async () => {
    const lab = await create('create table orders (id text primary key, number integer generated by default as identity, "userId" text); create sequence other owned by orders.number', tables)
    await lab.app('eu', 'insert into orders select number, 0, number from generate_series(1, 100) number')
    lab.plan()
    await lab.move()
    expect([await next(lab, 'eu2', 'orders_number_seq'), await next(lab, 'eu2', 'other')]).toEqual([1, 1])
  })

  it('that count on for rows whose numbers need not be unique go on behind, in their own step', async () => {
    const lab = await create('create sequence numbers increment by 10; create table orders (id text primary key, number integer default nextval(\'numbers\'), "userId" text)', tables)
    await lab.app('eu', 'insert into orders (id, "userId") select number, number from generate_series(1, 100) number')
    await lab.app('eu2', 'alter sequence numbers increment by 20 restart with 21')
    lab.plan()
    await lab.move()
    expect(await next(lab, 'eu2', 'numbers')).toBe(1001)
  })

  const shared = (name: string, column: string) => `The sequences ${name} of the shards eu and eu2 give out the same numbers for ${column}, which must be unique over all shards: `
    + 'give each shard numbers of its own (as in "alter sequence … increment by 2", or MINVALUE and MAXVALUE), or ids that are unique by themselves, such as UUIDs.'

  it.each([
    ['new on the new shard', '', ''],
    ['one behind the other', 'select setval(\'orders_id_seq\', 50)', 'insert into orders ("userId") select \'eu2-\' || number from generate_series(1, 100) number'],
  ])('that give out the same numbers for a unique column are refused by name: %s', async (_, first, second) => {
    const lab = await create(numbered(''), tables)
    await lab.app('eu', first || fill)
    await lab.app('eu2', second)
    lab.plan()
    expect(await lab.sentence(lab.move())).toBe(shared('orders_id_seq', 'orders.id'))
    expect(await installed(lab)).toEqual([])
  })

  it('may be shared where the old shard gives all its slots away', async () => {
    const lab = await create(numbered(''), tables)
    await lab.app('eu', fill)
    lab.plan(['eu'])
    await lab.move()
    expect(await rowsOf(lab, 'eu2', 'orders')).toBe(100)
    expect(await next(lab, 'eu2')).toBe(101)
  })

  it('that end below the numbers that rows bring are refused by name', async () => {
    const lab = await create('create table users (id smallint primary key generated by default as identity, name text)', { users: 'id' })
    await lab.app('eu', 'insert into users (name) select \'x\' from generate_series(1, 100)')
    await lab.app('eu2', 'alter sequence users_id_seq maxvalue 50')
    lab.plan()
    expect(await lab.sentence(lab.move())).toBe('The sequence users_id_seq of the shard eu2 ends at 50, and that of eu is at 100 already: raise its MAXVALUE.')
  })
})
