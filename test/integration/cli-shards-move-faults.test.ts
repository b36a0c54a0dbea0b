import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { OpenMove } from '../../src/reshard/move'
import type { RunOptions } from '../../src/reshard/run'
import { runBack, runForward } from '../../src/reshard/run'
import type { MoveReport } from '../../src/cli/shards/move'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import type { MoveBench } from '../support/shard-move'
import { createMoveBench, dyingStore, nothingWrong, quietRun } from '../support/shard-move'
import type { ShopWriters } from '../support/shard-writers'
import { shopTableOptions, shopTables } from '../support/shard-writers'
import { waitFor } from '../support/wait'

let eu: PostgresServer
let eu2: PostgresServer
let bench: MoveBench
let writers: ShopWriters
let count = 0

beforeAll(async () => {
  [eu, eu2] = await Promise.all([startPostgres(), startPostgres()])
})

afterAll(async () => {
  await Promise.all([eu?.stop(), eu2?.stop()])
})

beforeEach(async () => {
  bench = await createMoveBench({ servers: { eu, eu2 }, name: `fault${++count}`, tables: shopTables, options: { tables: shopTableOptions } })
  writers = bench.startWriters()
  await waitFor(() => writers.acknowledged > 1000, { timeout: 60_000 })
  await bench.ok('plan', '--add', 'eu2', '--write')
  return bench.remove
})

const environment = () => ({ DATABASE_URL_EU: bench.urls.eu, DATABASE_URL_EU2: bench.urls.eu2 })

/** Runs a command and kills it with SIGKILL when `when` says so. @returns what it had printed, and whether it was killed */
async function killed(args: string[], when: (stderr: string) => boolean | Promise<boolean>): Promise<{ killed: boolean, stderr: string }> {
  const child = bench.app.start(['shards', ...args], environment())
  let stderr = ''
  let kill = false
  child.stderr.on('data', (text: Buffer) => stderr += text)
  child.stdout.resume()
  let ended = false
  const code = new Promise<number | null>(resolve => child.once('exit', resolve)).finally(() => ended = true)
  // One question at a time: each is a connection of its own.
  while (!ended && !kill) {
    if (await when(stderr)) kill = child.kill('SIGKILL')
    else await sleep(5)
  }
  const exitCode = await code
  if (!kill) expect({ code: exitCode, stderr }).toMatchObject({ code: 0 })
  return { killed: kill, stderr }
}

async function settleAndAudit(): Promise<void> {
  const more = writers.acknowledged + 300
  await waitFor(() => writers.acknowledged > more, { timeout: 60_000 })
  await bench.ok('clean', '--delete')
  await writers.stop()
  expect(await bench.audit(writers, true)).toEqual(nothingWrong)
}

it('killed at any step and run again, it goes on where it was and loses nothing', { timeout: 600_000 }, async () => {
  const copied = async () => {
    const [row] = await bench.query<{ copied: number | null }>('eu2', 'select (select count(*) from users)::int as copied')
    return row!.copied!
  }
  const start = await copied()
  expect(start).toBe(0)
  // In the middle of the copy, twice: the second run begins where the first was.
  expect((await killed(['move', '--batch', '10'], async () => await copied() > 20)).killed).toBe(true)
  const first = await copied()
  expect(bench.map().moving[0]!.state).toBe('copying')
  expect((await killed(['move', '--batch', '10'], async () => await copied() > first + 20)).killed).toBe(true)
  expect(await copied()).toBeGreaterThan(first)
  let kills = 2
  for (const step of ['all rows are copied', 'all changes are applied', 'both shards have the same rows', 'writes to eu are paused', 'eu is closed', 'the map is stored', 'eu2 accepts writes']) {
    if ((await killed(['move', '--batch', '50'], stderr => stderr.includes(step))).killed) kills++
    await sleep(Math.random() * 200)
  }
  await bench.ok('move')
  expect(bench.map().moving[0]!.state).toBe('read-new')
  for (let delay = 600; delay < 1500; delay += 100) {
    const until = performance.now() + delay
    if (bench.map().moving.length > 0 && (await killed(['move', '--finish'], () => performance.now() > until)).killed) kills++
  }
  if (bench.map().moving.length > 0) await bench.ok('move', '--finish')
  expect((await killed(['clean', '--delete', '--batch', '5'], async () => (await bench.query('eu', 'select from comments limit 1')).length === 0 || (await bench.query<{ gone: boolean }>('eu', 'select not exists (select from orders join users on id = "userId" where name like \'%1\') as gone'))[0]!.gone)).killed || kills).toBeTruthy()
  expect(kills).toBeGreaterThanOrEqual(9)
  await settleAndAudit()
})

/** A command in this process that dies: its connections are cut, and it is never heard of again. */
async function dieAt(run: (open: OpenMove, options: RunOptions) => Promise<unknown>, point: 'before' | 'after'): Promise<void> {
  const open = await bench.open()
  await new Promise<void>((died, failed) => {
    run(open, quietRun(dyingStore(bench.store(), point, died))).catch(failed)
  })
  for (const shard of ['eu', 'eu2'] as const) await bench.query(shard, 'select pg_terminate_backend(pid) from pg_stat_activity where application_name = \'nuxt-scale shards\'')
}

/** Whether each shard takes the write of a row that moves, by what its trigger says. */
async function takesWrites(shard: 'eu' | 'eu2'): Promise<boolean> {
  const [trigger] = await bench.query<{ keeps: boolean }>(shard, 'select encode(tgargs, \'escape\') like \'keep%\' as keeps from pg_trigger where tgname like \'nuxt_scale_guard%\' limit 1')
  return trigger!.keeps
}

it.each(['before', 'after'] as const)('dead %s the map is stored: neither shard takes writes until the command goes on', { timeout: 300_000 }, async (point) => {
  await dieAt(runForward, point)
  expect(bench.map().moving[0]!.state).toBe(point === 'before' ? 'verify' : 'read-new')
  expect([await takesWrites('eu'), await takesWrites('eu2')]).toEqual([false, false])
  expect((await bench.ok<MoveReport>('move')).moves[0]!.state).toBe('read-new')
  expect([await takesWrites('eu'), await takesWrites('eu2')]).toEqual([false, true])
  await waitFor(() => writers.acknowledged > 1000, { timeout: 60_000 })

  await dieAt(runBack, point)
  expect(bench.map().moving[0]!.state).toBe(point === 'before' ? 'read-new' : 'verify')
  expect([await takesWrites('eu'), await takesWrites('eu2')]).toEqual([false, false])
  await bench.ok('move', ...point === 'before' ? ['--back'] : ['--until', 'verify'])
  expect([await takesWrites('eu'), await takesWrites('eu2')]).toEqual([true, false])
  await bench.ok('move')
  await bench.ok('move', '--finish')
  await settleAndAudit()
})

it('a pause whose command is gone ends by itself', { timeout: 300_000 }, async () => {
  await bench.ok('move', '--until', 'verify')
  expect((await killed(['move', '--pause', '2s'], stderr => stderr.includes('writes to eu are paused'))).killed).toBe(true)
  const before = writers.acknowledged
  await waitFor(() => writers.acknowledged > before + 300, { timeout: 60_000 })
  expect(await bench.audit(writers, false)).toMatchObject({ duplicated: 0 })
  await bench.ok('move')
  await bench.ok('move', '--finish')
  await settleAndAudit()
})

it('of two commands at once one waits for the other, and finds its work done or goes on with it', { timeout: 300_000 }, async () => {
  const [one, other] = await Promise.all([bench.shards<MoveReport>('move', '--batch', '20'), bench.shards<MoveReport>('move', '--batch', '20')])
  const codes = [one.code, other.code].sort()
  expect(codes[0]).toBe(0)
  for (const { code, sentence } of [one, other]) {
    if (code !== 0) expect(sentence).toMatch(/^Another nuxt-scale command is running/)
  }
  await bench.ok('move')
  await bench.ok('move', '--finish')
  await settleAndAudit()
})

it('a database that dies under the command ends it with one sentence, and nothing is lost', { timeout: 300_000 }, async () => {
  const child = bench.shards('move', '--batch', '5')
  await waitFor(async () => (await bench.query<{ rows: number }>('eu2', 'select count(*)::int as rows from users'))[0]!.rows > 10, { timeout: 30_000 })
  await eu2.restart()
  const { code, sentence } = await child
  expect([code, sentence]).toEqual([1, expect.stringMatching(/^The database of the shard eu2 reports: .+\.$/)])
  await bench.ok('move')
  await bench.ok('move', '--finish')
  await settleAndAudit()
})
