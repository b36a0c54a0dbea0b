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

function create(schema: string, tables: Record<string, string>, rest: Partial<MoveLabOptions> = {}): Promise<MoveLab> {
  return createMoveLab({ server, name: `carries${++count}`, schema, tables, ...rest })
}

async function rowsOf(lab: MoveLab, shard: 'eu' | 'eu2', table: string): Promise<number> {
  return Number((await lab.app(shard, `select count(*) as rows from ${table}`))[0]!.rows)
}

/** What a move has installed. */
const installed = (lab: MoveLab) => lab.superuser(`select relname from pg_class where relname like 'nuxt_scale%' and
  relnamespace::regnamespace::text in ('${lab.schemas.eu}', '${lab.schemas.eu2}')`)

describe('row-level security', () => {
  const schema = `create table users (id text primary key, name text); create table orders (id text primary key, "userId" text
    references users)`
  const tables = { users: 'id', orders: 'userId' }
  const fill = 'insert into users select number, \'x\' from generate_series(1, 200) number'
  const policy = `alter table users enable row level security; create policy own on users using (name =
    current_setting('app.tenant', true))`
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
    expect(await lab.sentence(lab.move())).toBe('The role helper does not own users on the shard eu, so it could not remove what a '
      + 'move installs: run the command as app, or grant app to helper.')
    await lab.app('eu', policy)
    expect(await lab.sentence(lab.move())).toBe(`Row-level security hides rows of users on the shard eu from the role helper: ${help}`)
    expect(lab.map()).toBe(planned)
  })

  it('a table with children that inherit from it is refused: writes to them fire no trigger of their parent', async () => {
    const lab = await create(`${schema}; create table admins () inherits (users)`, tables)
    lab.plan()
    expect(await lab.sentence(lab.move())).toBe('The table users of the shard eu has the child table admins, whose rows would not '
      + 'move with it: use plain tables, without INHERITS.')
  })

  it('rows are counted a second time, by the ids that the app itself would look for', async () => {
    const lab = await create(schema, tables)
    await lab.app('eu', fill)
    lab.plan()
    await lab.move({ until: 'verify' })
    // A function that forgets some ids is the same on both sides, so a comparison of rows alone finds nothing.
    const functions = await lab.superuser(`select pg_get_functiondef(oid) as sql from pg_proc where proname like 'nuxt_scale_slot_%'
      and pronamespace::regnamespace::text in ('${lab.schemas.eu}', '${lab.schemas.eu2}')`)
    for (const { sql } of functions) {
      await lab.superuser(String(sql).replace('if id is null', 'if id like \'%7\' or id is null'))
    }
    await lab.superuser(`set nuxt_scale.mover = 'on'; delete from ${lab.schemas.eu2}.users where id like '%7'`)
    expect(await lab.sentence(lab.move())).toMatch(/^The table users of the shard eu has \d+ rows whose ids move, but only \d+ of them were /)
    expect(lab.map().moving[0]!.state).toBe('verify')
  })
})

describe('sequences', () => {
  const fill = 'insert into orders ("userId") select number from generate_series(1, 100) number'
  const numbered = (options: string) => `create table orders (id integer primary key generated by default as identity ${options},
    "userId" text)`
  const tables = { orders: 'userId' }
  async function next(lab: MoveLab, shard: 'eu' | 'eu2', name = 'orders_id_seq'): Promise<number> {
    return Number((await lab.app(shard, `select nextval('${name}') as next`))[0]!.next)
  }

  const reshape = (lab: MoveLab, shard: 'eu' | 'eu2', options: string) => lab.app(shard, `alter sequence orders_id_seq ${options}`)

  /** There, some rows more, and back: no id is given out twice. */
  async function thereAndBack(lab: MoveLab): Promise<void> {
    lab.plan()
    await lab.move()
    const moved = (await lab.app('eu2', 'select "userId" from orders limit 1'))[0]!.userId
    const [{ userId: stays } = {}] = await lab.app('eu', `select "userId" from orders where id not in (select id from
      ${lab.schemas.eu2}.orders) limit 1`)
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
    const lab = await create(`create table orders (id text primary key, number integer generated by default as identity, "userId"
      text); create sequence other owned by orders.number`, tables)
    await lab.app('eu', 'insert into orders select number, 0, number from generate_series(1, 100) number')
    lab.plan()
    await lab.move()
    expect([await next(lab, 'eu2', 'orders_number_seq'), await next(lab, 'eu2', 'other')]).toEqual([1, 1])
  })

  it('that count on for rows whose numbers need not be unique go on behind, in their own step', async () => {
    const lab = await create(`create sequence numbers increment by 10; create table orders (id text primary key, number integer
      default nextval('numbers'), "userId" text)`, tables)
    await lab.app('eu', 'insert into orders (id, "userId") select number, number from generate_series(1, 100) number')
    await lab.app('eu2', 'alter sequence numbers increment by 20 restart with 21')
    lab.plan()
    await lab.move()
    expect(await next(lab, 'eu2', 'numbers')).toBe(1001)
  })

  const shared = (name: string, column: string) => `The sequences ${name} of the shards eu and eu2 produce the same numbers for `
    + `${column}, which must be unique over all shards: `
    + 'give each shard different numbers (with "alter sequence … increment by 2", or MINVALUE and MAXVALUE), '
    + 'or use UUIDs.'

  it.each([
    ['new on the new shard', '', ''],
    ['one behind the other', 'select setval(\'orders_id_seq\', 50)', `insert into orders ("userId") select 'eu2-' || number from
      generate_series(1, 100) number`],
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
    expect(await lab.sentence(lab.move())).toBe('The sequence users_id_seq of the shard eu2 ends at 50, but the one of eu is already '
      + 'at 100: raise its MAXVALUE.')
  })
})

describe('changes while rows move', () => {
  interface Carried {
    schema: string
    tables: Record<string, string>
    fill: string
    /** SQL of the app, before the comparison (1), after it (2) and on the new shard (3). */
    change: (round: number) => string
  }

  const cases: Record<string, Carried> = {
    'an identity column that is not the key, whose row is deleted and inserted again, with children': {
      schema: `create table users (id text primary key, number integer generated always as identity, name text);
        create table orders (id text primary key, "userId" text references users on delete cascade, number integer generated always
        as identity)`,
      tables: { users: 'id', orders: 'userId' },
      fill: `insert into users (id, name) select number, number from generate_series(1, 300) number; insert into orders (id,
        "userId") select number, number from generate_series(1, 300) number`,
      change: round => `update users set number = default where id::int % 3 = 0;
        create temp table kept on commit drop as select id, name from users where id::int % 3 > 0; delete from users where id::int % 3 > 0;
        insert into users (id, name) select id, name || '${round}' from kept; insert into orders (id, "userId") select id, id from
        kept where id::int % 3 = 1 order by random()`,
    },
    'a default address that changes hands under a partial unique index': {
      schema: `create table addresses (id integer primary key, "userId" text, main boolean not null); create unique index on
        addresses ("userId") where main`,
      tables: { addresses: 'userId' },
      fill: 'insert into addresses select number, number / 2, number % 2 = 0 from generate_series(0, 399) number',
      change: round => `update addresses set main = main where id % 2 = ${round % 2}; update addresses set main = false where main;
        update addresses set main = true where id % 2 = ${round % 2}`,
    },
    'the key of a parent that changes under ON UPDATE CASCADE, beside another unique column': {
      schema: `create table accounts (code text primary key, owner text, email text unique);
        create table entries (id integer primary key, code text references accounts on update cascade, owner text)`,
      tables: { accounts: 'owner', entries: 'owner' },
      fill: `insert into accounts select number, number, number from generate_series(1, 200) number; insert into entries select
        number, number / 2, number / 2 from generate_series(2, 401) number`,
      change: round => `update accounts set code = code || '-${round}' where length(code) % 2 = 0 or code like '%3%'`,
    },
    'an exclusion constraint whose ranges are exchanged': {
      schema: 'create table bookings (id integer primary key, owner text, span int4range, exclude using gist (span with &&))',
      tables: { bookings: 'owner' },
      fill: 'insert into bookings select number, number / 2, int4range(number * 10, number * 10 + 5) from generate_series(0, 399) number',
      change: round => `update bookings set span = int4range(100000 + id * 10, 100000 + id * 10 + 5);
        update bookings set span = int4range((id # ${round % 2}) * 10, (id # ${round % 2}) * 10 + 5)`,
    },
    'a citext key whose case changes, with children that point at it in another': {
      schema: `create table users (name citext primary key, owner text, email text unique); create table orders (id integer primary
        key, name citext references users, owner text)`,
      tables: { users: 'owner', orders: 'owner' },
      fill: `insert into users select 'Name' || number, number, number from generate_series(1, 200) number; insert into orders
        select number, 'NAME' || number, number from generate_series(1, 200) number`,
      change: round => `update users set name = ${round % 2 ? 'upper(name::text)' : 'lower(name::text)'} where owner::int % 2 = 0;
        update users set email = 'x' || email; update users set email = owner::int # 1`,
    },
    'a key that is a generated column': {
      schema: `create table items (owner text, number integer, key text generated always as (owner || '/' || number::text) stored
        primary key, name text unique)`,
      tables: { items: 'owner' },
      fill: 'insert into items (owner, number, name) select number, number, number from generate_series(1, 200) number',
      change: () => `update items set number = number + 1 where number % 2 = 0; update items set name = name || 'x' where number %
        3 = 0; delete from items where number = 9`,
    },
    'unique values that are exchanged by parents, whose children and grandchildren only point': {
      schema: `create table users (id text primary key, email text unique, seen integer); create table orders (id integer primary
        key, "userId" text not null references users on delete restrict);
        create table lines (id integer primary key, owner text, "orderId" integer references orders on delete set null)`,
      tables: { users: 'id', orders: 'userId', lines: 'owner' },
      fill: `insert into users select number, number, 0 from generate_series(0, 199) number; insert into orders select number,
        number / 2 from generate_series(0, 399) number;
        insert into lines select number, number / 2, number from generate_series(0, 399) number`,
      change: round => `create temp table turned on commit drop as select id, coalesce(lead(email) over (order by id),
        first_value(email) over (order by id)) as email from users;
        update users set email = 'x' || email, seen = ${round}; update users set email = turned.email from turned where turned.id =
        users.id; delete from lines where id % 40 = ${round}`,
    },
    'unique values that are exchanged by rows which point at each other': {
      schema: `create table comments (id integer primary key, author text, parent integer references comments on delete cascade,
        slug text unique)`,
      tables: { comments: 'author' },
      fill: `insert into comments select number, number % 20, case when number >= 20 then number - 20 end, number from
        generate_series(0, 399) number`,
      change: round => `update comments set slug = 'x' || slug; update comments set slug = (400 * ${round} - id)::text; delete from
        comments where id = ${400 - round};
        update comments set parent = null where id % 50 = ${round}`,
    },
  }

  it.each(Object.entries(cases))('%s arrives as it is, also in the last moment and on the way back', async (_, carried) => {
    const { schema, tables, fill, change } = carried
    await server.query('create extension if not exists citext schema pg_catalog', 'app')
    const lab = await create(schema, tables)
    await lab.app('eu', fill)
    lab.plan()
    await lab.move({ until: 'dual-write' })
    await lab.app('eu', change(1))
    await lab.move({ until: 'verify' })
    // The pause waits for this transaction, which the comparison does not see.
    const commit = await lab.hold('eu', change(2))
    let committed: Promise<void> | undefined
    const { comparison } = await lab.move({
      onStep(step) {
        if (step === 'both shards have the same rows') committed = commit()
      },
    })
    await committed
    expect(comparison!.differences).toEqual([])
    expect(await differences(lab, tables)).toEqual([])
    await lab.app('eu2', change(3))
    await lab.back()
    expect(await differences(lab, tables)).toEqual([])
    for (const table of Object.keys(tables)) expect(await rowsOf(lab, 'eu2', table)).toBeGreaterThan(20)
  })

  /** Rows that move and are not the same on both shards. */
  async function differences(lab: MoveLab, tables: Record<string, string>): Promise<unknown[]> {
    const [slot] = await lab.superuser(`select oid::regproc::text as name from pg_proc where proname like 'nuxt_scale_slot_%' and
      pronamespace = '${lab.schemas.eu}'::regnamespace`)
    const all = await Promise.all(Object.entries(tables).map(([table, id]) => {
      const rows = (shard: 'eu' | 'eu2') =>
        `(select t::text as row from ${lab.schemas[shard]}.${table} t where ${String(slot!.name)}(t."${id}"::text) is not null)`
      return lab.superuser(`select '${table}' as table, 'eu' as on, row from (${rows('eu')} except ${rows('eu2')}) one union all
        select '${table}', 'eu2', row from (${rows('eu2')} except ${rows('eu')}) other`)
    }))
    return all.flat()
  }

  it('what is applied after the comparison is compared too: a row that a trigger changes ends the move, and writes go on', async () => {
    const lab = await create('create table users (id text primary key, name text)', { users: 'id' })
    await lab.app('eu', 'insert into users select number, \'x\' from generate_series(1, 100) number')
    lab.plan()
    await lab.move({ until: 'verify' })
    await lab.app('eu2', `create function change() returns trigger language plpgsql as
      'begin NEW.name := ''changed''; return NEW; end'; create trigger change before insert or update on users for each row execute
      function change()`)
    const commit = await lab.hold('eu', 'update users set name = \'late\'')
    const late = lab.move({
      onStep(step) {
        if (step === 'both shards have the same rows') void commit()
      },
    })
    expect(await lab.sentence(late)).toMatch(/^The row \["\d+"\] of users differs on eu2 right after it was written there: /)
    expect(lab.map().moving[0]!.state).toBe('verify')
    await lab.app('eu', 'update users set name = \'written\'')
  })

  it('a primary key that is DEFERRABLE is refused by name', async () => {
    const lab = await create('create table users (id text primary key deferrable)', { users: 'id' })
    lab.plan()
    expect(await lab.sentence(lab.move())).toBe('The table users of the shard eu has a DEFERRABLE primary key, so its rows '
      + 'cannot be overwritten: make it NOT DEFERRABLE.')
  })
})

describe('clean --delete and triggers of the app', () => {
  const schema = `create table users (id text primary key, name text); create table comments (id integer primary key, author text
    references users on delete cascade, parent integer references comments, editor text references users);
    create table audit (what text);
    create function audit() returns trigger language plpgsql as
    'begin insert into audit values (TG_OP || '' '' || TG_TABLE_NAME); return null; end';
    create trigger audit after delete on users for each row execute function audit(); create trigger audit after update on comments
    for each row execute function audit()`
  const tables = { users: 'id', comments: 'author' }

  async function moved(): Promise<MoveLab> {
    const lab = await create(schema, tables)
    await lab.app('eu', `insert into users select number, number from generate_series(1, 200) number; insert into comments select
      number, (number % 100) + 1, case when number > 100 then number - 100 end from generate_series(1, 200) number`)
    lab.plan()
    await lab.move()
    await lab.finish()
    return lab
  }

  async function audited(lab: MoveLab): Promise<string[]> {
    const rows = await lab.app('eu', 'select what, count(*)::int > 20 as many from audit group by 1 order by 1')
    return rows.map(({ what, many }) => `${what} ${many}`)
  }

  const why = 'Deleting rows of users on the shard eu would fire the trigger audit of the app, for rows that still exist on '
    + 'another shard'

  it('a role that may not silence them is told what to do, and they fire on purpose alone', async () => {
    const lab = await moved()
    expect(await lab.sentence(lab.clean('eu'))).toBe(`${why}, and the role app may not disable it: as a superuser, run "grant set `
      + `on parameter session_replication_role to app" (PostgreSQL 15 or newer) or this command, or write --fire-triggers to let it `
      + `fire.`)
    expect(await rowsOf(lab, 'eu', 'users')).toBe(200)
    await lab.clean('eu', { fireTriggers: true })
    expect(await rowsOf(lab, 'eu', 'users') + await rowsOf(lab, 'eu2', 'users')).toBe(200)
    expect(await audited(lab)).toEqual(['DELETE users t', 'UPDATE comments t'])
  })

  it('a role that may silence them does so, and still deletes nothing at which another row points', async () => {
    const lab = await moved()
    await lab.superuser('grant set on parameter session_replication_role to app')
    try {
      await lab.app('eu', 'alter table users enable always trigger audit')
      expect(await lab.sentence(lab.clean('eu'))).toBe(`${why}, and it is set to ENABLE ALWAYS: change this setting, or write `
        + `--fire-triggers to let it fire.`)
      await lab.app('eu', 'alter table users enable trigger audit')
      // A row that stays begins to point at one that goes, in the moment between the check and the deletion.
      const [gone] = await lab.app('eu2', 'select id from users limit 1')
      const [stays] = await lab.app('eu', `select id from users where id not in (select id from ${lab.schemas.eu2}.users) limit 1`)
      const commit = await lab.hold('eu', `insert into comments values (-1, '${stays!.id}', null, '${gone!.id}')`)
      let committed: Promise<void> | undefined
      const late = lab.clean('eu', {
        onDeleted() {
          committed ??= commit()
        },
      })
      expect(await lab.sentence(late)).toBe('Rows of comments that stay on eu reference rows of users that move '
        + '(comments_editor_fkey): both rows must have ids of the same slot.')
      await committed
      await lab.app('eu', 'delete from comments where id = -1')
      await lab.clean('eu')
      expect(await rowsOf(lab, 'eu', 'users') + await rowsOf(lab, 'eu2', 'users')).toBe(200)
      expect(await rowsOf(lab, 'eu', 'comments') + await rowsOf(lab, 'eu2', 'comments')).toBe(200)
      expect(await audited(lab)).toEqual([])
      expect(await installed(lab)).toEqual([])
    }
    finally {
      await lab.superuser('revoke set on parameter session_replication_role from app')
    }
  })
})
