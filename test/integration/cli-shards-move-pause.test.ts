import { afterAll, beforeAll, expect, it } from 'vitest'
import type { MapStore } from '../../src/reshard/map-store'
import { slotOf } from '../../src/runtime/server/shards/slot-hash'
import type { MoveLab } from '../support/move-lab'
import { createMoveLab } from '../support/move-lab'
import type { PostgresServer } from '../support/postgres'
import { startPostgres } from '../support/postgres'
import { waitFor } from '../support/wait'

const PAUSE = 2000
const COUNT = 100

let server: PostgresServer
let lab: MoveLab
let moving: string
let staying: string
let count = 0

beforeAll(async () => {
  server = await startPostgres()
})

afterAll(() => server?.stop())

async function begin(): Promise<string[]> {
  lab = await createMoveLab({
    server,
    name: `pause${++count}`,
    schema: 'create table users (id text primary key, name text)',
    tables: { users: 'id' },
  })
  await lab.app('eu', `insert into users select number, 'x' from generate_series(1, ${COUNT}) number`)
  lab.plan()
  const { slots } = lab.map().moving[0]!
  const ids = Array.from({ length: COUNT }, (_, at) => String(at + 1))
  const moves = (id: string) => slots.includes(slotOf(id, lab.map().owners.length))
  moving = ids.find(moves)!
  staying = ids.find(id => !moves(id))!
  await lab.move({ until: 'verify' })
  return []
}

/** A write of a row that moves, which has to be taken. */
const write = (name: string) => lab.app('eu', `update users set name = '${name}' where id = '${moving}'`)

async function expectMoved(move: ReturnType<MoveLab['move']>): Promise<void> {
  const { paused, state } = await move
  expect(state).toBe('read-new')
  expect(paused).toBeLessThanOrEqual(PAUSE)
  expect(await lab.app('eu2', `select name from users where id = '${moving}'`)).toEqual([{ name: 'second' }])
}

it('no write is paused while a transaction holds the new shard', { timeout: 120_000 }, async () => {
  const steps = await begin()
  const release = await lab.hold('eu2', 'insert into users values (\'eu2-own\', \'x\')')
  const move = lab.move({ pause: PAUSE, onStep: step => steps.push(step) })
  // It asks for its lock again and again, a quarter of a second at a time.
  const waits = async () => (await lab.superuser('select from pg_locks where not granted and locktype = \'relation\' and mode = \'ShareRowExclusiveLock\'')).length > 0
  for (const name of ['first', 'second']) {
    await waitFor(waits, { timeout: 60_000 })
    await write(name)
  }
  expect(steps).toEqual(['both shards have the same rows'])
  await release()
  await expectMoved(move)
  expect(steps).toEqual([
    'both shards have the same rows',
    'writes to eu are paused',
    'eu is closed',
    'the map is stored',
    'eu2 accepts writes',
  ])
})

it.each([
  ['eu2', 'insert into users values (\'eu2-own\', \'x\')'],
  ['eu', 'update users set name = \'y\''],
] as const)('a transaction that holds the tables of %s during the pause ends it, not the move', { timeout: 120_000 }, async (shard, statement) => {
  const steps = await begin()
  let release: (() => Promise<void>) | undefined
  // The first time that the map is about to be stored, the old shard is paused.
  const store: MapStore = { ...lab.store, async update(change, options) {
    release ??= await lab.hold(shard, shard === 'eu' ? `${statement} where id = '${staying}'` : statement)
    return lab.store.update(change, options)
  } }
  const move = lab.move({ pause: PAUSE, store, onStep: step => steps.push(step) })
  const again = 'eu accepts writes again: the switch was blocked'
  if (shard === 'eu2') {
    await waitFor(() => steps.includes(again), { timeout: 60_000 })
    await write('first')
  }
  else {
    await waitFor(() => release !== undefined, { timeout: 60_000 })
    // The guard of the pause opens by itself, since its change would need the lock too.
    await waitFor(() => write('first').then(() => true, () => false), { timeout: 60_000 })
  }
  expect(lab.map().moving[0]!.state).toBe('verify')
  await write('second')
  await release!()
  await expectMoved(move)
  expect(steps.filter(step => step === again)).toHaveLength(1)
  expect(steps.filter(step => step === 'eu is closed')).toHaveLength(1)
})
