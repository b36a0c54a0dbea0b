import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { MoveReport } from '../../src/cli/shards/move'
import { runForward } from '../../src/reshard/run'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import type { MoveBench } from '../support/shard-move'
import { createMoveBench, dyingStore, quietRun } from '../support/shard-move'
import { waitFor } from '../support/wait'

let eu: PostgresServer
let eu2: PostgresServer
let bench: MoveBench
let count = 0

beforeAll(async () => {
  [eu, eu2] = await Promise.all([startPostgres(), startPostgres()])
})

afterAll(async () => {
  await Promise.all([eu?.stop(), eu2?.stop()])
})

beforeEach(async () => {
  bench = await createMoveBench({ servers: { eu, eu2 }, name: `wait${++count}`, tables: 'create table users (id text primary key, name text)', options: { tables: { users: 'id' } } })
  await bench.query('eu', 'insert into users select number, \'x\' from generate_series(1, 400) number')
  await bench.ok('plan', '--add', 'eu2', '--write')
  return bench.remove
})

const movers = 'application_name = \'nuxt-scale shards\' and datname = current_database()'
const backends = async () => (await bench.query<{ pid: number }>('eu', `select pid from pg_stat_activity where ${movers}`)).map(({ pid }) => pid)
const rows = async (shard: 'eu' | 'eu2') => (await bench.query<{ rows: number }>(shard, 'select count(*)::int as rows from users'))[0]!.rows

/** A command waits for the locks of one that dies between "the map is stored" and "the new shard accepts writes". */
async function waitForDead(args: string[]): Promise<Awaited<ReturnType<MoveBench['shards']>>> {
  await bench.ok('move', '--until', 'verify')
  const open = await bench.open()
  const [dead] = await backends()
  const waiting = bench.shards(...args)
  await waitFor(async () => (await backends()).length > 1, { timeout: 30_000 })
  await new Promise<void>((died, failed) => {
    runForward(open, quietRun(dyingStore(bench.store(), 'after', died))).catch(failed)
  })
  // The one that waits is in the queue of the old shard, and is on the new one alone as soon as it has left it.
  await bench.query('eu2', `select pg_terminate_backend(pid) from pg_stat_activity where ${movers}`)
  await bench.query('eu', `select pg_terminate_backend(${dead})`)
  return waiting
}

it.each<[args: string[], code: number, said: string, then: string[][]]>([
  [['move'], 0, '', [['move', '--finish'], ['clean', '--delete']]],
  [['move', '--finish'], 0, '', [['clean', '--delete']]],
  [['move', '--back'], 1, 'The move from eu to eu2 went from verify to read-new while this command waited for another one: check the new state, then run the command again if you still want this.', [['move', '--finish'], ['clean', '--delete']]],
])('%j that waits for a command that dies goes by the map that this one has stored', { timeout: 120_000 }, async (args, code, said, then) => {
  const { sentence, ...ended } = await waitForDead(args)
  expect([ended.code, ended.code === 0 ? '' : sentence]).toEqual([code, said])
  for (const next of then) await bench.ok<MoveReport>(...next)
  const [old, moved] = [await rows('eu'), await rows('eu2')]
  expect([old + moved, moved]).toEqual([400, expect.toSatisfy((rows: number) => rows > 100)])
})
