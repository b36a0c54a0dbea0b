import { ReshardError } from './errors'
import { refuseSplitFamilies } from './families'
import type { MoveSide } from './guard'
import { identifier } from './quote'
import { moves } from './rows'
import { ShardStatementError } from './session'
import type { ShardTable } from './shard-table'
import { readForeignKeys } from './tables'

/**
 * Runs `work` in a transaction in which no trigger and no rule fires: rows that have moved are still there for the app, so its own triggers
 * must not learn of a deletion. Foreign keys are triggers too, and are not checked.
 */
export function inSilence<T>({ session }: MoveSide, work: () => Promise<T>): Promise<T> {
  return session.transaction(async () => {
    await session.execute('set local session_replication_role = replica')
    return work()
  })
}

/**
 * Whether the tables have triggers or rules of the app that the deletion of rows would fire.
 *
 * @throws ReshardError when there is one that this role cannot silence
 */
export async function mustSilence(side: MoveSide): Promise<boolean> {
  const { session, objects, tables } = side
  // DELETE is bit 3 of the type of a trigger and type 4 of a rule, UPDATE bit 4 and type 2. A table that points at itself is updated too.
  const found = await Promise.all(tables.map(({ name, selfColumns }) => session.rows(`
    select $2, 'trigger', tgname, tgenabled = 'A' from pg_trigger
      where tgrelid = $1::regclass and not tgisinternal and tgenabled in ('O', 'A') and tgtype & $3::int > 0
        and not starts_with(tgname, 'nuxt_scale_')
    union all select $2, 'rule', rulename, ev_enabled = 'A' from pg_rewrite
      where ev_class = $1::regclass and ev_enabled in ('O', 'A') and (ev_type = '4' or (ev_type = '2' and $3::int & 16 > 0))`,
  [objects.table(name), name, selfColumns.length > 0 ? 24 : 8])))
  const all = found.flat()
  const [one] = all
  if (!one) return false
  const sentence = ([table, kind, name]: readonly (string | null)[]) =>
    `Deleting rows of ${table} on the shard ${session.shard} would fire the ${kind} ${name} of the app, `
    + 'for rows that are still there on another shard'
  const always = all.find(([, , , always]) => always === 't')
  if (always) {
    throw new ReshardError(`${sentence(always)}, and it is set to ENABLE ALWAYS: change that, or write --fire-triggers to let it fire.`)
  }
  try {
    await inSilence(side, async () => {})
  }
  catch (error) {
    if (!(error instanceof ShardStatementError) || error.code !== '42501') throw error
    const [[role] = []] = await session.rows('select current_user::regrole')
    throw new ReshardError(`${sentence(one)}, and the role ${role} may not silence it: as a superuser, run `
      + `"grant set on parameter session_replication_role to ${role}" (PostgreSQL 15 or newer) or this command, `
      + 'or write --fire-triggers to let it fire.')
  }
  return true
}

/**
 * Deletes up to `limit` of the rows that move, and does what foreign keys would do: a row at which another points stays.
 *
 * @throws ReshardError naming the foreign key
 */
export async function deleteInSilence(side: MoveSide, table: ShardTable, limit: number): Promise<number> {
  const { session, objects } = side
  const name = objects.table(table.name)
  // Nobody can begin to point at a locked row, and the next statement sees who did before.
  const locked = await session.rows(`select t.ctid from ${name} t where ${moves(side, table)} limit ${limit} for update`)
  const free = (await readForeignKeys(session)).filter(({ to }) => to === table.name).map(({ from, columns, toColumns }) => {
    const points = columns.map((column, at) => `child.${identifier(column)} = t.${identifier(toColumns[at]!)}`).join(' and ')
    return ` and not exists (select from ${objects.table(from)} child where ${points})`
  })
  const places = locked.map(([place]) => place!)
  const deleted = await session.execute(`delete from ${name} t where ctid = any($1::tid[])${free.join('')}`, [places])
  if (deleted === locked.length) return deleted
  await refuseSplitFamilies(side)
  throw new ReshardError(`Rows of ${table.name} on the shard ${session.shard} cannot be deleted while others point at them: `
    + 'run the command again.')
}
