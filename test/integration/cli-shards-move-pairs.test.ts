import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startMoves } from '../../src/runtime/server/shards/moves'
import { firstSlotMap, slotsOf } from '../../src/runtime/server/shards/slot-map'
import { parseSlotMap, serializeSlotMap } from '../../src/runtime/server/shards/stored-map'
import type { CliApp } from '../support/cli'
import { createCliApp } from '../support/cli'
import type { PostgresServer } from '../support/postgres'
import { startPostgres } from '../support/postgres'
import type { MoverCommand } from '../support/shard-movers'
import { runMover } from '../support/shard-movers'

const pairs = [['a', 'a2'], ['b', 'b2'], ['c', 'c2']] as const
const shards = pairs.flat()
const SLOTS = 48
/** Commands of each pair: 161 and one more of all. */
const COMMANDS = 54

let server: PostgresServer
let app: CliApp

beforeAll(async () => {
  server = await startPostgres()
  await server.createDatabases(...shards)
  for (const shard of shards) await server.query('set role app; create table users (id text primary key)', shard)
  for (const [from] of pairs) await server.query('insert into users select number from generate_series(1, 30) number', from)
  const moves = pairs.map(([from, to]) => ({ from, to, slots: slotsOf(firstSlotMap(['a', 'b', 'c'], SLOTS), from).slice(0, 8) }))
  const first = firstSlotMap(['a', 'b', 'c'], SLOTS)
  const map = startMoves({ before: first, after: { ...first, shards }, moves, moved: 24, share: 0.5 })
  const addresses = Object.fromEntries(shards.map(shard => [shard, `DATABASE_URL_${shard.toUpperCase()}`]))
  app = createCliApp(JSON.stringify({ database: {}, shards: { map: addresses, tables: { users: 'id' } } }), { 'server/shards.json': serializeSlotMap(map) })
})

afterAll(async () => {
  app?.remove()
  await server?.stop()
})

it('162 commands for three pairs of shards share the file of one map, and none of them fails', { timeout: 600_000 }, async () => {
  const mapFile = join(app.path, 'server/shards.json')
  const urls = Object.fromEntries(shards.map(shard => [shard, server.url(shard)]))
  const env = Object.fromEntries(shards.map(shard => [`DATABASE_URL_${shard.toUpperCase()}`, urls[shard]]))
  const options = { map: Object.fromEntries(shards.map(shard => [shard, `DATABASE_URL_${shard.toUpperCase()}`])), tables: { users: 'id' } }
  const before = parseSlotMap(readFileSync(mapFile, 'utf8')).version
  const failures: string[] = []
  let commands = 0
  await Promise.all(pairs.map(async ([from, to]) => {
    // The first one is a process of its own, and takes three steps; each of the others takes one.
    const { code, stderr } = await app.run(['shards', 'move', '--from', from, '--to', to, '--json'], env)
    commands++
    if (code !== 0) return void failures.push(stderr)
    for (let at = 1; at < COMMANDS; at++) {
      const command: MoverCommand = at % 2 === 1 ? 'back' : 'move'
      const { end, sentence } = await runMover({ command, options, urls, mapFile, which: move => move.from === from })
      commands++
      if (end !== 'done') failures.push(`${from} ${command}: ${sentence}`)
    }
  }))
  expect({ commands, failures }).toEqual({ commands: pairs.length * COMMANDS, failures: [] })
  const { version, moving } = parseSlotMap(readFileSync(mapFile, 'utf8'))
  // No step of one pair was lost by that of another.
  expect(version - before).toBe(pairs.length * (3 + COMMANDS - 1))
  expect(moving.map(({ from, state }) => [from, state])).toEqual(pairs.map(([from]) => [from, 'verify']))
})

it('the lock of a command that was killed while it stored the map is taken over', { timeout: 60_000 }, async () => {
  const mapFile = join(app.path, 'server/shards.json')
  writeFileSync(`${mapFile}.lock`, 'a command that is no more')
  const urls = Object.fromEntries(shards.map(shard => [shard, server.url(shard)]))
  const options = { map: urls, tables: { users: 'id' } }
  const ends = await Promise.all(pairs.map(([from]) => runMover({ command: 'move', options, urls, mapFile, which: move => move.from === from })))
  expect(ends.map(({ end }) => end)).toEqual(['done', 'done', 'done'])
  expect(() => readFileSync(`${mapFile}.lock`)).toThrow('ENOENT')
})
