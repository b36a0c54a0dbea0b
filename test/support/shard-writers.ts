import { readFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { STALE_SHARD_MAP } from '../../src/runtime/server/database/errors'
import type { ShardResolver } from '../../src/runtime/server/shards/resolve'
import { createShardResolver } from '../../src/runtime/server/shards/resolve'
import type { ShardsModuleOptions } from '../../src/runtime/server/shards/settings'
import { shardsSettings } from '../../src/runtime/server/shards/settings'

/** Parents, children with a composite key, and rows that point at rows of their own table. */
export const shopTables = `
create table users (id text primary key, name text not null unique, score numeric(30, 10), tags text[], data jsonb, born timestamptz, twice numeric generated always as (score * 2) stored);
create table orders ("userId" text references users (id) on delete cascade, number integer, note bytea, total double precision, primary key ("userId", number));
create table comments (id uuid primary key, author text not null references users (id), parent uuid references comments (id), body text not null);
create table settings (name text primary key, value text)`

/** What options say of {@link shopTables}. */
export const shopTableOptions = { users: 'id', orders: 'userId', comments: 'author' }

/** One row, as texts. */
type Row = Record<string, string | null>

/** Who wrote what, and was told that it is written. */
export interface ShopWriters {
  /** How often a shard said that the map is out of date. */
  readonly refused: number
  /** Operations that were acknowledged. */
  readonly acknowledged: number
  /** Every row that must be there: table and key → row. */
  expected: () => Map<string, Row>
  /** Ends the writers. Rejects when one of them failed by anything but a refusal. */
  stop: () => Promise<void>
}

/** How writers write. */
export interface ShopWritersOptions {
  options: ShardsModuleOptions
  urls: Record<string, string>
  /** The file of the map. Each writer is an instance of the app: it reads the file when it starts, and again some while after a refusal. */
  mapFile: string
  writers: number
  /** Ids of a kind that stays where it is. */
  prefix?: string
}

interface Clients {
  on: (shard: string) => Promise<pg.Client>
  end: () => Promise<void>
}

/**
 * Starts writers that insert, update and delete users, orders and comments until they are stopped. A refused write is tried again
 * until it is taken. Each writer has users of its own, so that what must be there is known exactly.
 */
export function startShopWriters({ options, urls, mapFile, writers, prefix = '' }: ShopWritersOptions): ShopWriters {
  const expected = new Map<string, Row>()
  let refused = 0
  let acknowledged = 0
  let running = true

  const done = Promise.allSettled(Array.from({ length: writers }, async (_, number) => {
    const clients = createClients(urls)
    let resolver = readResolver(options, mapFile)
    const users: string[] = []
    const nextOrder = new Map<string, number>()
    const comments = new Map<string, string[]>()

    /** Runs statements in one transaction on the shard of a user, as often as it takes. */
    const write = async (user: string, statements: (readonly [sql: string, values: unknown[]])[]) => {
      for (;;) {
        const client = await clients.on(resolver.shardOfId(user))
        try {
          await client.query(Math.random() < 0.3 ? 'begin isolation level repeatable read' : 'begin')
          const results: Row[] = []
          for (const [text, values] of statements) results.push(...(await client.query<Row>({ text, values, types: { getTypeParser: () => (value: string) => value } as never })).rows)
          await client.query('commit')
          acknowledged++
          return results
        }
        catch (error) {
          await client.query('rollback')
          const { code } = error as { code?: string }
          // Two writers of the app itself may collide in a snapshot of their own.
          if (code === '40001') continue
          if (code !== STALE_SHARD_MAP) throw error
          refused++
          // The later an instance learns of the new map, the longer it writes by the old one.
          await new Promise(resolve => setTimeout(resolve, Math.random() * 50 * (number + 1)))
          resolver = readResolver(options, mapFile)
        }
      }
    }

    for (let step = 0; running; step++) {
      const dice = Math.random()
      const user = users[Math.floor(Math.random() * users.length)]
      if (user === undefined || dice < 0.3) {
        const id = `${prefix}${randomUUID()}`
        const [row] = await write(id, [
          ['insert into users (id, name, score, tags, data, born) values ($1, $2, $3, $4, $5, clock_timestamp()) returning *', [id, `name ${number} ${step}`, `${Math.random() * 1e15}`, ['a b', '"', 'ü', null], Math.random() < 0.2 ? 'null' : JSON.stringify({ step, text: 'it\'s\n"\\' })]],
        ])
        users.push(id)
        expected.set(`users ${id}`, row!)
      }
      else if (dice < 0.5) {
        const [row] = await write(user, [['update users set name = $2, score = score + 0.1, data = data || $3::jsonb where id = $1 returning *', [user, `name ${number} ${step}`, '{"updated": true}']]])
        expected.set(`users ${user}`, row!)
      }
      else if (dice < 0.7) {
        const order = nextOrder.get(user) ?? 1
        nextOrder.set(user, order + 1)
        const [row] = await write(user, [['insert into orders ("userId", number, note, total) values ($1, $2, $3, $4) returning *', [user, order, Buffer.from([0, 1, 255, step & 255]), 0.1 + Math.random()]]])
        expected.set(`orders ${user} ${order}`, row!)
      }
      else if (dice < 0.8) {
        const own = comments.get(user) ?? []
        comments.set(user, own)
        const id = randomUUID()
        const [row] = await write(user, [['insert into comments (id, author, parent, body) values ($1, $2, $3, $4) returning *', [id, user, own.at(-1) ?? null, `body ${step}`]]])
        own.push(id)
        expected.set(`comments ${id}`, row!)
      }
      else if (dice < 0.9) {
        const order = Math.ceil(Math.random() * ((nextOrder.get(user) ?? 1) - 1))
        await write(user, [['delete from orders where "userId" = $1 and number = $2', [user, order]]])
        expected.delete(`orders ${user} ${order}`)
      }
      else {
        // A user goes, and another takes over the name, which is unique, in one transaction.
        const own = comments.get(user) ?? []
        await write(user, [
          ['delete from comments where author = $1', [user]],
          ['delete from users where id = $1', [user]],
        ])
        users.splice(users.indexOf(user), 1)
        for (const comment of own) expected.delete(`comments ${comment}`)
        expected.delete(`users ${user}`)
        for (let order = 1; order < (nextOrder.get(user) ?? 1); order++) expected.delete(`orders ${user} ${order}`)
      }
    }
    await clients.end()
  }))

  return {
    get refused() {
      return refused
    },
    get acknowledged() {
      return acknowledged
    },
    expected: () => expected,
    async stop() {
      running = false
      const failed = (await done).find(result => result.status === 'rejected')
      if (failed) throw failed.reason
    },
  }
}

/** What was lost, doubled, brought back to life or changed. All zero when nothing was. */
export interface ShopAudit {
  lost: number
  wrong: number
  resurrected: number
  duplicated: number
}

/**
 * Compares what was acknowledged with what the shards hold.
 *
 * @param everywhere counts rows on a shard that is not theirs as duplicated; leave it out while copies are about
 */
export async function auditShop({ options, urls, mapFile, expected, everywhere }: Pick<ShopWritersOptions, 'options' | 'urls' | 'mapFile'> & { expected: Map<string, Row>, everywhere: boolean }): Promise<ShopAudit> {
  const resolver = readResolver(options, mapFile)
  const clients = createClients(urls)
  const found = new Map<string, Row>()
  const audit: ShopAudit = { lost: 0, wrong: 0, resurrected: 0, duplicated: 0 }
  try {
    for (const shard of Object.keys(urls)) {
      const client = await clients.on(shard)
      const read = async (table: string, id: (row: Row) => string, key: (row: Row) => string) => {
        const { rows } = await client.query<Row>({ text: `select * from ${table}`, types: { getTypeParser: () => (value: string) => value } as never })
        for (const row of rows) {
          const name = `${table} ${key(row)}`
          if (resolver.shardOfId(id(row)) === shard) found.set(name, row)
          else if (everywhere) audit.duplicated++
        }
      }
      await read('users', row => row.id!, row => row.id!)
      await read('orders', row => row.userId!, row => `${row.userId} ${row.number}`)
      await read('comments', row => row.author!, row => row.id!)
    }
  }
  finally {
    await clients.end()
  }
  for (const [name, row] of expected) {
    const there = found.get(name)
    if (!there) audit.lost++
    else if (JSON.stringify(there) !== JSON.stringify(row)) audit.wrong++
  }
  for (const name of found.keys()) {
    if (!expected.has(name)) audit.resurrected++
  }
  return audit
}

function readResolver(options: ShardsModuleOptions, mapFile: string): ShardResolver {
  return createShardResolver(shardsSettings.resolveGiven({ ...options, slotMap: readFileSync(mapFile, 'utf8') }))
}

function createClients(urls: Record<string, string>): Clients {
  const clients = new Map<string, Promise<pg.Client>>()
  const open = async (shard: string) => {
    const client = new pg.Client({ connectionString: urls[shard], connectionTimeoutMillis: 30_000, query_timeout: 60_000, options: '-c extra_float_digits=1 -c timezone=UTC' })
    client.on('error', () => {})
    await client.connect()
    return client
  }
  return {
    on(shard) {
      if (!clients.has(shard)) clients.set(shard, open(shard))
      return clients.get(shard)!
    },
    end: async () => {
      await Promise.all([...clients.values()].map(async client => (await client).end()))
    },
  }
}
