import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CleanReport } from '../../src/cli/shards/clean'
import type { MoveReport } from '../../src/cli/shards/move'
import type { VerifyReport } from '../../src/cli/shards/verify'
import type { MoveState } from '../../src/runtime/server/shards/slot-map'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import type { MoveBench } from '../support/shard-move'
import { createMoveBench, nothingWrong } from '../support/shard-move'
import type { ShopWriters } from '../support/shard-writers'
import { shopTableOptions, shopTables } from '../support/shard-writers'
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
  bench = await createMoveBench({ servers: { eu, eu2 }, name: `shop${++count}`, tables: shopTables, options: { tables: shopTableOptions } })
  return bench.remove
})

/** Waits until the writers have written so much more. */
async function written(writers: ShopWriters, more: number): Promise<void> {
  const enough = writers.acknowledged + more
  await waitFor(() => writers.acknowledged >= enough, { timeout: 60_000, message: `${more} more writes` })
}

/** What a move has installed. */
const installed = async () => [...await bench.query('eu', remains), ...await bench.query('eu2', remains)]
const remains = 'select proname from pg_proc where proname like \'nuxt_scale%\' union all select tgname from pg_trigger where tgname like \'nuxt_scale%\' union all select relname from pg_class where relname like \'nuxt_scale%\''

describe('while the app writes all the time', () => {
  it('a move loses, doubles and brings back nothing, and leaves nothing behind', { timeout: 300_000 }, async () => {
    const writers = bench.startWriters()
    await written(writers, 2000)
    await bench.ok('plan', '--add', 'eu2', '--write')
    const { moves } = await bench.ok<MoveReport>('move', '--batch', '100')
    expect(moves).toMatchObject([{ from: 'eu', to: 'eu2', before: 'copying', state: 'read-new', comparison: { differences: [] } }])
    await written(writers, 500)
    expect((await bench.ok<VerifyReport>('verify')).moves[0]!.differences).toEqual([])
    await bench.ok('move', '--finish')
    expect(bench.map().moving).toEqual([])
    await written(writers, 500)
    expect((await bench.ok<CleanReport>('clean')).leftovers).toMatchObject([{ shard: 'eu', from: 'eu', to: 'eu2', deleted: false }])
    await bench.ok('clean', '--delete')
    await writers.stop()
    // Every writer begins with the old map, and learns of the new one by a refusal alone.
    expect(writers.refused).toBeGreaterThan(0)
    expect(await bench.audit(writers, true)).toEqual(nothingWrong)
    expect(await installed()).toEqual([])
    expect((await bench.query<{ rows: number }>('eu2', 'select count(*)::int as rows from users'))[0]!.rows).toBeGreaterThan(100)
    // The audit would have seen it.
    await bench.query('eu2', 'delete from orders where ctid = (select ctid from orders limit 1); update users set name = \'forged\' where ctid = (select ctid from users limit 1)')
    await bench.query('eu', 'insert into users (id, name) values (\'eu-gone\', \'back again\'), (\'eu2-gone\', \'elsewhere\')')
    expect(await bench.audit(writers, true)).toEqual({ lost: 1, wrong: 1, resurrected: 1, duplicated: 1 })
  })

  it.each<MoveState>(['copying', 'dual-write', 'verify', 'read-new'])('--back from %s loses nothing, and what was left is cleaned away', { timeout: 300_000 }, async (state) => {
    const writers = bench.startWriters()
    await written(writers, 500)
    await bench.ok('plan', '--add', 'eu2', '--write')
    await bench.ok('move', '--until', state)
    expect(bench.map().moving.map(move => move.state)).toEqual([state])
    await written(writers, 500)
    const { moves } = await bench.ok<MoveReport>('move', '--back')
    if (state === 'read-new') {
      expect(moves).toMatchObject([{ before: 'read-new', state: 'verify' }])
      // Instances that still have the map of read-new write to eu2, and are refused.
      await written(writers, 500)
      expect(await bench.audit(writers, false)).toMatchObject({ duplicated: 0 })
      await bench.ok('move', '--back')
    }
    expect(bench.map()).toMatchObject({ moving: [], owners: expect.not.arrayContaining(['eu2']) as string[] })
    await written(writers, 500)
    await bench.ok('clean', '--delete')
    await writers.stop()
    expect(await bench.audit(writers, true)).toEqual(nothingWrong)
    expect(await bench.query('eu2', 'select id from users')).toEqual([])
    expect(await installed()).toEqual([])
  })

  it('there and back and there again', { timeout: 300_000 }, async () => {
    const writers = bench.startWriters()
    await written(writers, 500)
    await bench.ok('plan', '--add', 'eu2', '--write')
    for (const args of [[], ['--back'], []]) {
      await bench.ok('move', ...args)
      await written(writers, 200)
    }
    await bench.ok('move', '--finish')
    // The way back is a plan like any other, and waits until the old shard is clean.
    const { code, sentence } = await (async () => {
      await bench.ok('plan', '--remove', 'eu2', '--write')
      return bench.shards('move')
    })()
    expect([code, sentence]).toEqual([1, 'The shard eu still has rows of the finished move from eu to eu2: run "nuxt-scale shards clean --delete" first.'])
    await bench.ok('clean', '--delete')
    await bench.ok('move')
    await bench.ok('move', '--finish')
    await written(writers, 200)
    await bench.ok('clean', '--delete')
    await writers.stop()
    expect(await bench.audit(writers, true)).toEqual(nothingWrong)
    expect(await bench.query('eu2', 'select id from users')).toEqual([])
  })
})
