import { ReshardError } from './errors'
import { identifier } from './session'
import type { NamedTable } from './shard-table'
import type { ShardSession } from './session'

/**
 * Role of a shard in a move. The `leader` accepts writes and records changes. The `follower` rejects writes. A `paused` leader rejects
 * writes for a short time. A `closed` leader has no change left to apply, and rejects writes until the map names the new leader. After a
 * move, the shard that is `left` rejects writes to the moved rows until they are cleaned up.
 */
export type MoveRole = 'leader' | 'paused' | 'closed' | 'follower' | 'left'

/** A move, as recorded in the database of a shard. */
export interface MoveRecord {
  id: string
  from: string
  to: string
  /** Slots as ranges. */
  slots: string
  role: MoveRole
  /** Version of the newest map that this shard has seen. Older maps are rejected. */
  mapVersion: number
  tables: readonly NamedTable[]
}

const tableOf = ({ schema }: ShardSession) => `${identifier(schema)}.nuxt_scale_moves`

/** Reads all moves that are recorded on a shard. */
export async function readRecords(session: ShardSession): Promise<MoveRecord[]> {
  const [[there] = []] = await session.rows('select to_regclass($1) is not null', [tableOf(session)])
  if (there !== 't') return []
  const rows = await session.rows(`select id, "from", "to", slots, role, map_version, tables from ${tableOf(session)} order by since, id`)
  return rows.map(([id, from, to, slots, role, mapVersion, tables]) => ({
    id: id!,
    from: from!,
    to: to!,
    slots: slots!,
    role: role as MoveRole,
    mapVersion: Number(mapVersion),
    tables: JSON.parse(tables!) as NamedTable[],
  }))
}

export async function createRecord(session: ShardSession, { id, from, to, slots, role, mapVersion, tables }: MoveRecord): Promise<void> {
  await session.execute(`create table if not exists ${tableOf(session)} (id text primary key, "from" text not null, "to" text not null, `
    + `slots text not null, role text not null, map_version bigint not null, tables text not null, `
    + `since timestamptz not null default now())`)
  await session.execute(`insert into ${tableOf(session)} (id, "from", "to", slots, role, map_version, tables) values ($1, $2, $3, $4, $5, `
    + `$6, $7) on conflict (id) do nothing`, [id, from, to, slots, role, mapVersion, JSON.stringify(tables)])
}

/**
 * Changes the role of a shard in a move.
 *
 * @param mapVersion version of the map that gives this role. From now on the shard rejects commands with an older map.
 */
export async function writeRole(session: ShardSession, id: string, role: MoveRole, mapVersion: number): Promise<void> {
  const written = await session.execute(`update ${tableOf(session)} set role = $2, map_version = greatest(map_version, $3) `
    + `where id = $1`, [id, role, mapVersion])
  if (written !== 1) {
    throw new ReshardError(`The shard ${session.shard} has no record of the move ${id}: restore its table nuxt_scale_moves.`)
  }
}

/** Deletes the record of a move. With the last record, it also drops the table. */
export async function removeRecord(session: ShardSession, id: string): Promise<void> {
  if ((await readRecords(session)).some(record => record.id === id)) {
    await session.execute(`delete from ${tableOf(session)} where id = $1`, [id])
  }
  if ((await readRecords(session)).length > 0) return
  await session.execute(`drop table if exists ${tableOf(session)}`)
  await session.execute(`drop function if exists ${identifier(session.schema)}.nuxt_scale_murmur3(bytea)`)
}
