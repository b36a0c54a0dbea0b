import { ReshardError } from './errors'
import type { MoveSide } from './guard'
import { identifier } from './session'
import { sortTables } from './table-order'
import type { ShardSession } from './session'
import type { Column, ShardTable, NamedTable, ForeignKey } from './shard-table'

/** Types whose values have the same spelling in JavaScript and in the database. */
const ID_TYPES = ['text', 'character varying', 'citext', 'uuid', 'smallint', 'integer', 'bigint']

/**
 * Sorts tables so that parents come before their children.
 *
 * @throws ReshardError if the foreign keys of tables form a cycle
 */
export async function orderTables(session: ShardSession, named: readonly NamedTable[]): Promise<NamedTable[]> {
  return sortTables(named, await readForeignKeys(session))
}

/**
 * Reads table definitions from the catalog of a shard.
 *
 * @param ordered tables with parents before their children, in the same order on both shards
 * @throws ReshardError if rows of a table cannot move without loss
 */
export async function describeTables(session: ShardSession, ordered: readonly NamedTable[]): Promise<ShardTable[]> {
  const foreignKeys = await readForeignKeys(session)
  const names = ordered.map(([name]) => name)
  for (const { name, from, to } of foreignKeys) {
    if (!names.includes(to) || names.includes(from)) continue
    throw new ReshardError(`The table ${from} of the shard ${session.shard} references rows of ${to} (${name}`
      + `), but does not move with them: `
      + 'add it to the tables, with the column of its id.')
  }
  const tables: ShardTable[] = []
  for (const [index, [name, idColumn]] of ordered.entries()) {
    const selfKeys = foreignKeys.filter(({ from, to }) => from === name && to === name)
    const fixed = selfKeys.find(({ nullable }) => !nullable)
    if (fixed) {
      throw new ReshardError(`The foreign key ${fixed.name} of the table ${name} references the same table in columns that are NOT NULL, `
        + 'so its rows cannot be copied in order: allow NULL in these columns.')
    }
    tables.push(await describeTable(session, { name, idColumn, index, selfColumns: selfKeys.flatMap(({ columns }) => columns) }))
  }
  return tables
}

async function describeTable(
  session: ShardSession,
  table: Pick<ShardTable, 'name' | 'idColumn' | 'index' | 'selfColumns'>,
): Promise<ShardTable> {
  const { name, idColumn } = table
  const where = `The table ${name} of the shard ${session.shard}`
  const [[oid, kind, hidden, owned, owner, role, child] = []] = await session.rows(`
    select c.oid, c.relkind, row_security_active(c.oid), pg_has_role(c.relowner, 'usage'), c.relowner::regrole, current_user::regrole,
      (select i.inhrelid::regclass from pg_inherits i where i.inhparent = c.oid limit 1)
    from pg_class c where c.relname = $1 and c.relnamespace = $2::regnamespace`, [name, identifier(session.schema)])
  if (!oid) {
    throw new ReshardError(`The table ${name} does not exist on the shard ${session.shard}: `
      + 'migrate the shard, or write the name that the table has in the database.')
  }
  if (kind !== 'r') throw new ReshardError(`${where} must be a plain table, not a view or a partitioned table: write another table.`)
  if (child !== null) {
    throw new ReshardError(`${where} has the child table ${child}, whose rows would not move with it: `
      + 'use plain tables, without INHERITS.')
  }
  if (hidden === 't') {
    throw new ReshardError(`Row-level security hides rows of ${name} on the shard ${session.shard} from the role ${role}: `
      + 'run the command as a role with BYPASSRLS, or as the owner of the table without FORCE ROW LEVEL SECURITY.')
  }
  if (owned !== 't') {
    throw new ReshardError(`The role ${role} does not own ${name} on the shard ${session.shard}, `
      + `so it could not remove what a move installs: run the command as ${owner}, or grant ${owner} to ${role}.`)
  }
  const columns = (await session.rows('select attname, format_type(atttypid, -1), attgenerated <> \'\', attidentity = \'a\' from '
    + 'pg_attribute where attrelid = $1 and attnum > 0 and not attisdropped order by attname collate "C"', [oid]))
    .map(([column, type, generated, fixed]): Column => ({ name: column!, type: type!, generated: generated === 't', fixed: fixed === 't' }))
  const keys = await session.rows(`select a.attname, i.indimmediate
    from pg_index i, unnest(i.indkey) with ordinality k (number, place), pg_attribute a
    where i.indrelid = $1 and i.indisprimary and a.attrelid = $1 and a.attnum = k.number order by k.place`, [oid])
  const keyNames = keys.map(([column]) => column!)
  if (keyNames.length === 0) throw new ReshardError(`${where} has no primary key, which identifies its rows: add one.`)
  if (keys[0]![1] !== 't') {
    throw new ReshardError(`${where} has a DEFERRABLE primary key, so its rows cannot be overwritten: make it NOT DEFERRABLE.`)
  }
  const id = columns.find(column => column.name === idColumn)
  if (!id) throw new ReshardError(`${where} has no column ${idColumn}: write the column that contains the id.`)
  if (!ID_TYPES.includes(id.type.replace(/^.*\./, ''))) {
    throw new ReshardError(`${where} has ids of type ${id.type} in ${idColumn}: ids must be strings, UUIDs or whole numbers.`)
  }
  return {
    ...table,
    key: keyNames.map(key => columns.find(column => column.name === key)!),
    columns: columns.filter(({ name, generated }) => !generated || keyNames.includes(name)),
  }
}

/** @throws ReshardError if the two shards do not have the same columns and primary keys */
export function refuseDifferentTables(from: readonly ShardTable[], to: readonly ShardTable[], shards: { from: string, to: string }): void {
  for (const table of from) {
    const other = to.find(({ name }) => name === table.name)!
    const names = ({ columns }: ShardTable) => columns.map(({ name }) => name).join(', ')
    if (names(table) !== names(other)) {
      throw new ReshardError(`The table ${table.name} has the columns ${names(table)} on ${shards.from} and ${names(other)} `
        + `on ${shards.to}: `
        + 'migrate both to the same version.')
    }
    const key = (one: ShardTable) => one.key.map(({ name }) => name).join(', ')
    if (key(table) !== key(other)) {
      throw new ReshardError(`The primary key of ${table.name} is ${key(table)} on ${shards.from} and ${key(other)} on ${shards.to}: `
        + 'migrate both to the same version.')
    }
  }
}

/**
 * Reads the columns that can cause conflicts between rows: those of unique indexes, exclusion constraints, foreign keys in both directions,
 * and identities that cannot be updated.
 */
export async function readTellingColumns({ session, objects }: MoveSide, { name, columns }: ShardTable): Promise<Set<string>> {
  const rows = await session.rows(`select a.attname, a.attgenerated <> '' from pg_attribute a
    where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped and (a.attidentity = 'a'
      or exists (select from pg_index i where i.indrelid = a.attrelid and (i.indisunique or i.indisexclusion)
        and (a.attnum = any(i.indkey::int2[]) or exists (select from pg_depend d
          where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid and d.refobjid = a.attrelid and d.refobjsubid = a.attnum)))
      or exists (select from pg_constraint c where c.contype = 'f'
        and (c.conrelid = a.attrelid and a.attnum = any(c.conkey) or c.confrelid = a.attrelid and a.attnum = any(c.confkey))))`,
  [objects.table(name)])
  // A generated column may depend on any column.
  return new Set(rows.some(([, generated]) => generated === 't') ? columns.map(column => column.name) : rows.map(([column]) => column!))
}

/** Reads the foreign keys that reference tables of the shard. */
export async function readForeignKeys(session: ShardSession): Promise<ForeignKey[]> {
  const columns = (relation: string, numbers: string) => `(select json_agg(a.attname order by k.place) from unnest(${numbers}) with `
    + `ordinality k (number, place), pg_attribute a where a.attrelid = ${relation} and a.attnum = k.number)`
  const rows = await session.rows(`
    select f.conname, child.relname, parent.relname, ${columns('f.conrelid', 'f.conkey')}, ${columns('f.confrelid', 'f.confkey')},
      (select bool_or(not a.attnotnull) from pg_attribute a where a.attrelid = f.conrelid and a.attnum = any(f.conkey))
    from pg_constraint f join pg_class child on child.oid = f.conrelid join pg_class parent on parent.oid = f.confrelid
    where f.contype = 'f' and parent.relnamespace = $1::regnamespace`, [identifier(session.schema)])
  return rows.map(([name, from, to, columns, toColumns, nullable]) => ({
    name: name!,
    from: from!,
    to: to!,
    columns: JSON.parse(columns!) as string[],
    toColumns: JSON.parse(toColumns!) as string[],
    nullable: nullable === 't',
  }))
}
