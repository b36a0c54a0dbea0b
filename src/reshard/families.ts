import { ReshardError } from './errors'
import type { MoveSide } from './guard'
import { identifier } from './session'
import { moves } from './rows'
import type { ShardTable } from './shard-table'
import { readForeignKeys } from './tables'

/**
 * Checks that no remaining row references a row that moves: its foreign key would block the deletion, or delete the remaining row, too.
 *
 * @throws ReshardError that names the foreign key
 */
export async function refuseSplitFamilies(side: MoveSide): Promise<void> {
  const { session, objects, tables } = side
  for (const { name, from, columns, to, toColumns } of await readForeignKeys(session)) {
    const find = (name: string): ShardTable | undefined => tables.find(table => table.name === name)
    const [child, parent] = [find(from), find(to)]
    if (!child || !parent) continue
    const same = columns.map((column, at) => `t.${identifier(column)} = parent.${identifier(toColumns[at]!)}`).join(' and ')
    const parentMoves = `exists (select from ${objects.table(to)} parent where ${same} and ${moves(side, parent, 'parent')})`
    const [[split] = []] = await session.rows(`select exists (select from ${objects.table(from)} t where not ${moves(side, child)} `
      + `and ${parentMoves})`)
    if (split !== 't') continue
    throw new ReshardError(`Rows of ${from} that stay on ${session.shard} reference rows of ${to} that move (${name}): `
      + 'both rows must have ids of the same slot.')
  }
}
