import { ReshardError } from './errors'
import { identifier } from './session'
import type { MoveSide } from './guard'
import { hashOfRow, hashRows, keyText, slotOfRow } from './rows'
import type { MovePair } from './sync'
import { changedKeys } from './sync'
import type { ShardTable } from './shard-table'

/** A row that differs between the two sides. */
interface RowDifference {
  table: string
  /** The values of its primary key. */
  key: string[]
  /** `missing`: not on the new side. `extra`: not on the old side. `different`: different content. */
  kind: 'missing' | 'extra' | 'different'
}

/** Result of a comparison. */
export interface Comparison {
  tables: { table: string, rows: number }[]
  differences: RowDifference[]
  /** Whether there are more differences than listed. */
  more: boolean
}

const MOST_DIFFERENCES = 100
/** Slots whose rows are compared one by one in one statement. */
const SLOTS_AT_A_TIME = 8
const IDS_AT_A_TIME = 10_000

/**
 * Compares the count and checksum of every slot of every table, then the rows of the slots that differ. Neither side may change
 * meanwhile.
 */
export async function compareRows(pair: MovePair, onTable: (table: string) => void = () => {}): Promise<Comparison> {
  const tables: Comparison['tables'] = []
  const differences: RowDifference[] = []
  for (const table of pair.leader.tables) {
    onTable(table.name)
    const { rows, slots } = await differingSlots(pair, table)
    await refuseOtherCount(pair, table, rows)
    tables.push({ table: table.name, rows })
    for (let at = 0; at < slots.length && differences.length <= MOST_DIFFERENCES; at += SLOTS_AT_A_TIME) {
      differences.push(...await differingRows(pair, table, slots.slice(at, at + SLOTS_AT_A_TIME)))
    }
  }
  return { tables, differences: differences.slice(0, MOST_DIFFERENCES), more: differences.length > MOST_DIFFERENCES }
}

async function differingSlots({ leader, follower }: MovePair, table: ShardTable): Promise<{ rows: number, slots: number[] }> {
  const [ours, theirs] = await Promise.all([sumSlots(leader, table), sumSlots(follower, follower.tables[table.index]!)])
  const slots = [...new Set([...ours.keys(), ...theirs.keys()])].filter(slot => ours.get(slot)?.sum !== theirs.get(slot)?.sum)
  return { rows: [...ours.values()].reduce((sum, { rows }) => sum + rows, 0), slots: slots.sort((a, b) => a - b) }
}

/**
 * Counts the moving rows a second time, with all ids of the table and the function of the app. If the database does not recognise a row as
 * moving, the row is missing in both sums, so the comparison alone would not find it.
 *
 * @throws ReshardError if the two counts differ
 */
async function refuseOtherCount(
  { leader: { session, objects }, isMoving }: MovePair,
  { name, idColumn }: ShardTable,
  compared: number,
): Promise<void> {
  const id = `${identifier(idColumn)}::text`
  await session.execute(`declare ids no scroll cursor for select ${id}, count(*) from ${objects.table(name)} where ${id} <> '' group by 1`)
  let rows = 0
  for (let page; (page = await session.rows(`fetch ${IDS_AT_A_TIME} from ids`)).length > 0;) {
    for (const [id, count] of page) rows += isMoving(id!) ? Number(count) : 0
  }
  await session.execute('close ids')
  if (rows === compared) return
  throw new ReshardError(`The table ${name} of the shard ${session.shard} has ${rows} rows whose ids move, `
    + `but only ${compared} of them were compared: `
    + 'take the move back with --back, run "nuxt-scale shards clean --delete", and start the move again.')
}

async function sumSlots(side: MoveSide, table: ShardTable): Promise<Map<number, { rows: number, sum: string }>> {
  const rows = await side.session.rows(`select slot, count(*), count(*) || ' ' || sum(('x' || left(hash, 15))::bit(60)::bigint)
    from (select ${slotOfRow(side, table)} as slot, ${hashOfRow(table)} as hash from ${side.objects.table(table.name)} t) as row
    where slot is not null group by slot`)
  return new Map(rows.map(([slot, count, sum]) => [Number(slot), { rows: Number(count), sum: sum! }]))
}

async function differingRows({ leader, follower }: MovePair, table: ShardTable, slots: readonly number[]): Promise<RowDifference[]> {
  const [ours, theirs] = await Promise.all([hashSlots(leader, table, slots), hashSlots(follower, follower.tables[table.index]!, slots)])
  const differences: RowDifference[] = []
  for (const [key, hash] of ours) {
    if (theirs.get(key) !== hash) differences.push({
      table: table.name,
      key: JSON.parse(key) as string[],
      kind: theirs.has(key) ? 'different' : 'missing',
    })
  }
  for (const key of theirs.keys()) {
    if (!ours.has(key)) differences.push({ table: table.name, key: JSON.parse(key) as string[], kind: 'extra' })
  }
  return differences
}

async function hashSlots(side: MoveSide, table: ShardTable, slots: readonly number[]): Promise<Map<string, string>> {
  const rows = await side.session.rows(`select ${keyText(table)}, ${hashOfRow(table)} from ${side.objects.table(table.name)} t
    where ${slotOfRow(side, table)} = any($1::int[])`, [slots])
  return new Map(rows.map(([one, hash]) => [one!, hash!]))
}

/**
 * Compares the rows that `sync` has just written or deleted. It runs as the `work` of `sync`, so that changes after the last comparison
 * are compared, too.
 *
 * @throws ReshardError that names a row that differs between the two sides
 */
export async function compareChanges({ leader, follower }: MovePair): Promise<void> {
  for (const table of leader.tables) {
    for (const changed of [leader, follower]) {
      for await (const keys of changedKeys(changed, table)) {
        const [ours, theirs] = await Promise.all([hashRows(leader, table, keys), hashRows(follower, follower.tables[table.index]!, keys)])
        const key = [...new Set([...ours.keys(), ...theirs.keys()])].find(one => ours.get(one) !== theirs.get(one))
        if (key === undefined) continue
        throw new ReshardError(`The row ${key} of ${table.name} differs on ${follower.session.shard} right after it was written there: `
          + `look for a trigger or a rule of ${table.name} that changes rows, and run "nuxt-scale shards verify" to see which differ.`)
      }
    }
  }
}
