import { literal } from './quote'
import type { MovePair } from './sync'

/** Lifts the sequences of the new side, so that they do not give out numbers that rows have brought with them. */
export async function liftSequences({ leader, follower }: MovePair): Promise<void> {
  for (const table of leader.tables) {
    for (const { name } of table.columns) {
      const [ours, theirs] = [await sequenceOf(leader, table.name, name), await sequenceOf(follower, table.name, name)]
      if (ours === undefined || theirs === undefined) continue
      const [[last] = []] = await leader.session.rows(`select last_value from ${ours}`)
      await follower.session.execute(`select setval(${literal(theirs)}, $1) from ${theirs} where last_value < $1`, [last!])
    }
  }
}

async function sequenceOf({ session, objects }: MovePair['leader'], table: string, column: string): Promise<string | undefined> {
  const [[name] = []] = await session.rows('select pg_get_serial_sequence($1, $2)', [objects.table(table), column])
  return name ?? undefined
}
