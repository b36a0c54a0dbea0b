import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { NamedMap } from '../../src/reshard/map-store'
import { cleanShard } from '../../src/reshard/clean'
import { openSession } from '../../src/reshard/open-session'
import { shardsSettings } from '../../src/runtime/server/shards/settings'
import { createShardResolver } from '../../src/runtime/server/shards/resolve'
import { startMoves } from '../../src/runtime/server/shards/moves'
import { planShards } from '../../src/runtime/server/shards/plan'
import type { SlotMap } from '../../src/runtime/server/shards/slot-map'
import { firstSlotMap } from '../../src/runtime/server/shards/slot-map'
import { slotOf } from '../../src/runtime/server/shards/slot-hash'
import { parseSlotMap, serializeSlotMap } from '../../src/runtime/server/shards/stored-map'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import type { MoverCommand, MoverEnd } from '../support/shard-movers'
import { runMover } from '../support/shard-movers'
import type { TemporaryDirectory } from '../support/temporary-directory'
import { createTemporaryDirectory } from '../support/temporary-directory'

const ROWS = 40
const SLOTS = 16
/** Half of the slots of `a` are to move to `b`. */
const planned = startMoves(planShards(firstSlotMap(['a'], SLOTS), { add: ['b'] }))
const options = { map: { a: 'DATABASE_URL_A', b: 'DATABASE_URL_B' }, tables: { users: 'id' } }
const shards = ['a', 'b'] as const

/** Whether a shard takes the write of a row; it is undone at once. */
const takes = `create schema probe; create function probe.takes(row_id text) returns boolean language plpgsql as $$ begin
  insert into public.users values (row_id, 'x') on conflict (id) do update set name = 'x';
  raise exception using errcode = 'UNDO1';
exception when sqlstate 'UNDO1' then return true; when sqlstate 'NS001' then return false; end $$`

let server: PostgresServer
let directory: TemporaryDirectory
let mapFile: string
let urls: Record<string, string>

beforeAll(async () => {
  server = await startPostgres()
  await server.createDatabases(...shards)
  for (const shard of shards) await server.query(takes, shard)
  directory = createTemporaryDirectory('kills')
  mapFile = join(directory.path, 'shards.json')
  urls = { a: server.url('a'), b: server.url('b') }
})

afterAll(async () => {
  directory?.remove()
  await server?.stop()
})

/** The first statements of a command open its connection. */
const FIRST = 10
/** At 1 every statement is tried, which takes minutes. This many apart, each of the rivals has its turn. */
const EVERY = 11

const mapNow = () => parseSlotMap(readFileSync(mapFile, 'utf8'))
const run = (command: MoverCommand, rest: Partial<Parameters<typeof runMover>[0]> = {}) => runMover({ command, options, urls, mapFile, ...rest })

/** The rows on `a`, and a plan by which half of them moves. */
async function reset(): Promise<void> {
  const tables = 'drop schema public cascade; create schema public; grant all on schema public to app; set role app; create table users (id text primary key, name text);'
  await server.query(`${tables} insert into users select number, 'x' from generate_series(1, ${ROWS}) number`, 'a')
  await server.query(tables, 'b')
  writeFileSync(mapFile, serializeSlotMap(planned))
}

type Start = 'planned' | 'verify' | 'read-new'

/** Brings everything to where a case begins, by commands that nobody kills where that is the shorter way. */
async function prepare(start: Start): Promise<void> {
  const state = mapNow().moving[0]?.state
  if (start === 'planned' || state === undefined || (await records()).includes('left')) await reset()
  if (start === 'planned') return
  if (start === 'verify' && state === 'read-new') await succeed('back')
  await succeed('move', { until: start })
}

async function records(): Promise<string[]> {
  const roles: string[] = []
  for (const shard of shards) {
    const [there] = await server.query<{ there: boolean }>('select to_regclass(\'nuxt_scale_moves\') is not null as there', shard)
    if (there!.there) roles.push(...(await server.query<{ role: string }>('select role from nuxt_scale_moves', shard)).map(({ role }) => role))
  }
  return roles
}

async function succeed(...args: Parameters<typeof run>): Promise<MoverEnd> {
  const ended = await run(...args)
  expect([ended.end, ended.sentence]).toEqual(['done', undefined])
  return ended
}

/** The one command that has to help: the plain one, or the one that its refusal names. */
async function recover(story: string): Promise<void> {
  const { end, sentence = '' } = await run(mapNow().moving.length === 0 ? 'clean' : 'move')
  if (end === 'done') return
  const named = /is being (?:finished|taken back): run the command with --(finish|back)\.$/.exec(sentence)
  expect([story, sentence, named === null]).toEqual([story, sentence, false])
  await succeed(named![1] as 'finish' | 'back')
}

/** What the stored map leads to: rows that are not where it says, and where each can be written. */
async function look(): Promise<{ unreachable: number, takenByBoth: number, takenByNone: number }> {
  const resolver = createShardResolver(shardsSettings.resolveGiven({ ...options, slotMap: readFileSync(mapFile, 'utf8') }))
  const [a, b] = await Promise.all(shards.map(async (shard) => {
    const rows = await server.query<{ id: string, there: boolean, takes: boolean, guarded: boolean }>(`select number::text as id, exists (select from public.users where id = number::text and name = 'x') as there,
      probe.takes(number::text) as takes, exists (select from pg_trigger where tgname like 'nuxt_scale_guard%') as guarded from generate_series(1, ${ROWS}) number`, shard)
    return new Map(rows.map(row => [row.id, row]))
  }))
  const found = [...a!.values()].map(({ id }) => {
    const [mine, other] = resolver.shardOfId(id) === 'a' ? [a!.get(id)!, b!.get(id)!] : [b!.get(id)!, a!.get(id)!]
    return { there: mine.there, mine: mine.takes, other: other.takes, guarded: (mine.guarded || other.guarded) && planned.moving[0]!.slots.includes(slotOf(id, SLOTS)) }
  })
  return {
    unreachable: found.filter(({ there }) => !there).length,
    // What does not move is refused nowhere. Before a move and after all of it is cleaned away there is nothing that could refuse.
    takenByBoth: found.filter(({ mine, other, guarded }) => mine && other && guarded).length,
    takenByNone: found.filter(({ mine }) => !mine).length,
  }
}

/** Every refusal that a command may end with when others were at work. What a database says is none of them. */
const refusals = /does not contain any move|^The map contains no move|^Another command has ended the move|while this command waited for another one|is being (?:finished|taken back)|then finish it|because a command was interrupted|still has rows of the finished move/

/** Commands that begin while the first one is at work. A number is the statement at which that one is killed too. */
const rivals: [MoverCommand, number?][][] = [[['back']], [['move']], [['finish']], [['clean']], [['back'], ['clean']], [['move', 31], ['back']], [['finish'], ['clean']], [['back', 37], ['move']], [['clean', 23], ['finish']], [['move', 47], ['clean']]]

it.each<[start: Start, command: MoverCommand]>([
  ['planned', 'move'], ['verify', 'move'], ['verify', 'back'], ['read-new', 'back'], ['read-new', 'finish'],
])('from %s, %s killed at one statement after another, with others beside it, leaves what one command recovers', { timeout: 1_200_000 }, async (start, command) => {
  await reset()
  const kills: string[] = []
  for (let killAt = FIRST; ; killAt += EVERY) {
    await prepare(start)
    const others: Promise<MoverEnd>[] = []
    const begin = () => {
      if (others.length > 0) return
      for (const [rival, killed] of rivals[killAt % rivals.length]!) others.push(run(rival, { killAt: killed }))
    }
    // They read the map while the first command has the locks, and wait for these.
    const first = await run(command, { killAt, onPoint: point => point === 14 && begin() })
    begin()
    const ends = [first, ...await Promise.all(others)]
    const story = `${start}: ${ends.map(({ command, end, points, sentence = '' }) => `${command} ${end} at ${points} ${sentence}`).join('; ')}`
    for (const { end, sentence = '' } of ends) expect([story, end === 'refused' && !refusals.test(sentence)]).toEqual([story, false])
    const { unreachable, takenByBoth } = await look()
    expect({ story, unreachable, takenByBoth }).toEqual({ story, unreachable: 0, takenByBoth: 0 })
    await recover(story)
    expect({ story, ...await look() }).toEqual({ story, unreachable: 0, takenByBoth: 0, takenByNone: 0 })
    if (first.end !== 'killed') break
    kills.push(story)
  }
  expect(kills.length).toBeGreaterThan((command === 'move' ? 60 : 30) / EVERY)
})

it('clean refuses rows that any map still reads, and keeps them', { timeout: 60_000 }, async () => {
  await reset()
  await prepare('read-new')
  const before = mapNow()
  await succeed('finish')
  const session = await openSession({ shard: 'a', url: urls.a! })
  const refused = (...maps: SlotMap[]) => {
    const named = [mapNow(), ...maps].map((map, at) => ({ name: at === 0 ? 'shards.json' : 'scale.shards.slotMap', map }))
    const options = { remove: true, batch: 100, signal: new AbortController().signal, onDeleted: () => {} }
    return cleanShard(session, named as [NamedMap], options).then(leftovers => leftovers[0]!.deleted, (error: Error) => error.message)
  }
  try {
    expect(await refused(before)).toBe('scale.shards.slotMap says that a owns slot 8, but the move from a to b has taken this slot from it: restore the map that the last command stored, and give it to every instance.')
    const finished = mapNow()
    writeFileSync(mapFile, serializeSlotMap(before))
    expect(await refused()).toBe('shards.json still contains the move from a to b, because a command was interrupted: run "nuxt-scale shards move --finish" before you clean up its rows.')
    writeFileSync(mapFile, serializeSlotMap({ ...finished, version: 1 }))
    expect(await refused()).toMatch(/^shards\.json has version 1, but the shard a has seen version \d+: restore the map that the last command stored\.$/)
    expect((await server.query<{ rows: number }>('select count(*)::int as rows from users', 'a'))[0]!.rows).toBe(ROWS)
    writeFileSync(mapFile, serializeSlotMap(finished))
    expect(await refused()).toBe(true)
    expect((await server.query<{ rows: number }>('select count(*)::int as rows from users', 'a'))[0]!.rows).toBeLessThan(ROWS)
  }
  finally {
    await session.close()
  }
})
