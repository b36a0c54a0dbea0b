import { ReshardError, ShardStatementError } from './errors'
import { refuseSplitFamilies } from './families'
import type { MoveSide } from './guard'
import { identifier } from './session'
import { moves } from './rows'
import type { ShardTable } from './shard-table'
import { readForeignKeys } from './tables'

/**
 * Runs `work` in a transaction without triggers and rules. Moved rows still exist for the app, so its triggers must not see their deletion
 * here. Foreign keys are implemented as triggers, so they are not checked either.
 */
export function inSilence<T>({ session }: MoveSide, work: () => Promise<T>): Promise<T> {
  return session.transaction(async () => {
    await session.execute('set local session_replication_role = replica')
    return work()
  })
}

/**
 * Whether deleting rows would fire triggers or rules of the app.
 *
 * @throws ReshardError if this role cannot disable one of them
 */
export async function mustSilence(side: MoveSide): Promise<boolean> {
  const { session, objects, tables } = side
  // DELETE is bit 3 of the trigger type and rule type 4; UPDATE is bit 4 and rule type 2. Tables with foreign keys to themselves are
  // updated, too.
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
    + 'for rows that still exist on another shard'
  const always = all.find(([, , , always]) => always === 't')
  if (always) {
    throw new ReshardError(`${sentence(always)}, and it is set to ENABLE ALWAYS: change this setting, `
      + `or write --fire-triggers to let it fire.`)
  }
  try {
    await inSilence(side, async () => {})
  }
  catch (error) {
    if (!(error instanceof ShardStatementError) || error.code !== '42501') throw error
    const [[role] = []] = await session.rows('select current_user::regrole')
    throw new ReshardError(`${sentence(one)}, and the role ${role} may not disable it: as a superuser, run `
      + `"grant set on parameter session_replication_role to ${role}" (PostgreSQL 15 or newer) or this command, `
      + 'or write --fire-triggers to let it fire.')
  }
  return true
}

/**
 * Deletes up to `limit` of the moved rows. Like a foreign key, it does not delete a row that another row references.
 *
 * @throws ReshardError that names the foreign key
 */
export async function deleteInSilence(side: MoveSide, table: ShardTable, limit: number): Promise<number> {
  const { session, objects } = side
  const name = objects.table(table.name)
  // New references to locked rows are blocked, and the next statement sees the existing references.
  const locked = await session.rows(`select t.ctid from ${name} t where ${moves(side, table)} limit ${limit} for update`)
  const free = (await readForeignKeys(session)).filter(({ to }) => to === table.name).map(({ from, columns, toColumns }) => {
    const points = columns.map((column, at) => `child.${identifier(column)} = t.${identifier(toColumns[at]!)}`).join(' and ')
    return ` and not exists (select from ${objects.table(from)} child where ${points})`
  })
  const places = locked.map(([place]) => place!)
  const deleted = await session.execute(`delete from ${name} t where ctid = any($1::tid[])${free.join('')}`, [places])
  if (deleted === locked.length) return deleted
  await refuseSplitFamilies(side)
  throw new ReshardError(`Rows of ${table.name} on the shard ${session.shard} cannot be deleted while other rows reference them: `
    + 'run the command again.')
}
