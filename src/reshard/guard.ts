import { STALE_SHARD_MAP } from '../runtime/server/database/errors'
import { lockTables, withTableLocks } from './lock'
import type { MoveObjects } from './objects'
import { identifier, literal } from './session'
import type { MoveRole } from './record'
import { writeRole } from './record'
import type { ShardSession } from './session'
import type { WantedSlots } from './slot-function'
import { slotFunctions } from './slot-function'
import type { ShardTable } from './shard-table'

/** One side of a move. */
export interface MoveSide {
  id: string
  session: ShardSession
  objects: MoveObjects
  /** The tables as this shard defines them. */
  tables: readonly ShardTable[]
}

/** Creates the functions and tables that a move needs on one side. They do not affect writes until `setGuard` is called. Safe to repeat. */
export async function installGuard({ session, objects, tables }: MoveSide, wanted: WantedSlots): Promise<void> {
  await session.transaction(async () => {
    await session.execute(slotFunctions(wanted, objects))
    await session.execute(`create table if not exists ${objects.changes} (transaction xid8 not null default pg_current_xact_id(), `
      + '"table" integer not null, '
      + 'position bigint generated always as identity, key text[] not null, primary key ("table", position))')
    await session.execute(`create table if not exists ${objects.progress} ("table" integer primary key, `
      + 'pass integer not null, last text[], copied bigint not null)')
    for (const table of tables) await session.execute(guardFunction(objects, table))
    await session.execute(`create or replace function ${objects.truncate}() returns trigger language plpgsql as ${literal(`
begin
  if current_setting('nuxt_scale.mover', true) is distinct from 'on' then
    raise exception using errcode = ${literal(STALE_SHARD_MAP)},
      message = format('StaleShardMap: rows of %s are moving to another shard, which would miss a TRUNCATE: delete the rows instead.',
        TG_TABLE_NAME);
  end if;
  return null;
end
`)}`)
  })
}

/**
 * Creates a trigger function that runs after a row is written, so that it sees the changes of other triggers. Its first argument is `keep`
 * or `refuse`. Its second argument is the time until which it refuses writes; afterwards it keeps them.
 */
function guardFunction({ guard, slot, changes }: MoveObjects, { index, idColumn, key }: ShardTable): string {
  const id = identifier(idColumn)
  const keyOf = (row: 'OLD' | 'NEW') => `array[${key.map(({ name }) => `${row}.${identifier(name)}::text`).join(', ')}]`
  return `create or replace function ${guard(index)}() returns trigger language plpgsql security definer
  set search_path = pg_catalog, pg_temp set datestyle = 'ISO, MDY' set timezone = 'UTC' set intervalstyle = 'postgres'
  set extra_float_digits = 3 set bytea_output = 'hex' as ${literal(`
declare
  leaves boolean := TG_OP <> 'INSERT' and ${slot}(OLD.${id}::text) is not null;
  comes boolean := TG_OP <> 'DELETE' and ${slot}(NEW.${id}::text) is not null;
begin
  if not (leaves or comes) then return null; end if;
  if TG_ARGV[0] = 'refuse' and clock_timestamp() < TG_ARGV[1]::timestamptz then
    if current_setting('nuxt_scale.mover', true) = 'on' then return null; end if;
    raise exception using errcode = ${literal(STALE_SHARD_MAP)},
      message = format('StaleShardMap: this row of %s has moved to another shard, or is about to move: '
        || 'read the slot map again, and retry.', TG_TABLE_NAME);
  end if;
  if TG_OP <> 'INSERT' then
    insert into ${changes} ("table", key) values (${index}, ${keyOf('OLD')});
  end if;
  if TG_OP = 'INSERT' or (TG_OP = 'UPDATE' and ${keyOf('OLD')} is distinct from ${keyOf('NEW')}) then
    insert into ${changes} ("table", key) values (${index}, ${keyOf('NEW')});
  end if;
  return null;
end
`)}`
}

/**
 * How the guard treats writes. `keep` records them for the other shard, `refuse` rejects them, and `pause` rejects them for some
 * milliseconds and then records them.
 */
type GuardMode = 'keep' | 'refuse' | { pause: number }

/** A change of the guard. */
export interface GuardChange {
  mode: GuardMode
  role: MoveRole
  /** Version of the map that requires this change. */
  mapVersion: number
  /** Called while no write is running. If it returns false, nothing changes. */
  condition?: () => Promise<boolean>
  /** Called while no write is running, before the change takes effect. If it throws, nothing changes. */
  beforeCommit?: () => Promise<void>
  /** Time until which the table locks are requested, once; see `withTableLocks`. Without it, the locks are requested for about a minute. */
  deadline?: number
}

/**
 * Changes what happens to writes. While it changes, no write is running. Every later write uses the new guard, even in a transaction that
 * began earlier.
 *
 * @returns false if the condition returned false
 * @throws TablesLocked if transactions of the app lock the tables
 */
export async function setGuard(
  side: MoveSide,
  { mode, role, mapVersion, condition, beforeCommit, deadline }: GuardChange,
): Promise<boolean> {
  const { id, session, objects, tables } = side
  const names = tables.map(({ name }) => name)
  return withTableLocks(session, names, async () => {
    await session.execute(lockTables(names.map(objects.table)))
    if (await condition?.() === false) return false
    const until = typeof mode === 'object'
      ? (await session.rows('select clock_timestamp() + $1 * interval \'1 millisecond\'', [mode.pause]))[0]![0]!
      : 'infinity'
    for (const { name, index } of tables) {
      const table = objects.table(name)
      await session.execute(`create or replace trigger ${identifier(objects.guardTrigger)} after insert or update or delete on ${table} `
        + `for each row execute function ${objects.guard(index)}(${literal(mode === 'keep' ? 'keep' : 'refuse')}, ${literal(until)})`)
      await session.execute(`create or replace trigger ${identifier(objects.truncateTrigger)} before truncate on ${table} `
        + `for each statement execute function ${objects.truncate}()`)
    }
    await writeRole(session, id, role, mapVersion)
    await beforeCommit?.()
    return true
  }, deadline)
}

/** Waits until no transaction of the app locks the tables of a side. A new transaction may lock them afterwards. */
export async function awaitTables({ session, objects, tables }: MoveSide): Promise<void> {
  const names = tables.map(({ name }) => name)
  await withTableLocks(session, names, () => session.execute(lockTables(names.map(objects.table))))
}

/** Drops everything that a move installed on one side, except the record. Safe to repeat. */
export async function removeGuard({ session, objects, tables }: MoveSide): Promise<void> {
  for (const { name, index } of tables) {
    // Take one lock at a time: waiting for a second lock while holding the first could block the app.
    for (const trigger of [objects.guardTrigger, objects.truncateTrigger]) {
      const drop = `drop trigger if exists ${identifier(trigger)} on ${objects.table(name)}`
      await withTableLocks(session, [name], () => session.execute(drop))
    }
    await session.execute(`drop function if exists ${objects.guard(index)}()`)
  }
  await session.execute(`drop function if exists ${objects.truncate}()`)
  await session.execute(`drop table if exists ${objects.changes}, ${objects.progress}`)
  await session.execute(`drop function if exists ${objects.slot}(text)`)
}
