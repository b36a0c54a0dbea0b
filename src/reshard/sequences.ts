import { ReshardError } from './errors'
import type { MoveSide } from './guard'
import { identifier } from './session'
import type { MovePair } from './sync'
import type { ShardTable } from './shard-table'

/** The sequence of a column on one shard. Its numbers are BigInts, because JavaScript numbers are too small for them. */
interface Sequence {
  /** Quoted name with schema. */
  name: string
  /** The next number. */
  next: bigint
  /** Whether the sequence has been used. */
  called: boolean
  start: bigint
  step: bigint
  min: bigint
  max: bigint
  cycles: boolean
}

/** The sequences of one column on both sides. */
interface SequencePair {
  ours: Sequence
  theirs: Sequence
  table: ShardTable
  column: string
}

/** Two sequences with at least this distance are considered to have separate ranges. */
const FAR = 1000n

/**
 * Advances the sequences of the new side, so that they do not repeat numbers of moved rows. Their increments do not change. A sequence that
 * shares no numbers with the old side is not advanced.
 */
export async function liftSequences({ leader, follower }: Pick<MovePair, 'leader' | 'follower'>): Promise<void> {
  for (const pair of await readSequences(leader, follower)) {
    const { ours, theirs } = pair
    const next = await areApart(leader, follower, pair) ? undefined : nextBeyond(ours, theirs)
    if (next === undefined) continue
    refuseExhausted(leader, follower, ours, theirs, next)
    // The condition covers numbers that the app has used in the meantime.
    await follower.session.execute(`select setval($1, $2, false) from ${theirs.name}
      where last_value ${theirs.step > 0n ? '<' : '>'} $2 or (last_value = $2 and is_called)`, [theirs.name, String(next)])
  }
}

/**
 * Checks that the sequences of both shards do not produce the same numbers for a unique column. Otherwise rows with the same number could
 * not move back or to another shard.
 *
 * @param allLeaves whether the old shard keeps no slot, so that its sequences are not used any more
 * @throws ReshardError that names the sequence and the column
 */
export async function refuseSharedNumbers({ leader, follower }: Pick<MovePair, 'leader' | 'follower'>, allLeaves: boolean): Promise<void> {
  for (const pair of await readSequences(leader, follower)) {
    const { ours, theirs, table, column } = pair
    if (await areApart(leader, follower, pair)) continue
    const next = nextBeyond(ours, theirs)
    if (next !== undefined) refuseExhausted(leader, follower, ours, theirs, next)
    if (allLeaves || !await isUniqueByItself(leader, table, column)) continue
    throw new ReshardError(`The sequences ${bareName(ours)} of the shards ${leader.session.shard} and ${follower.session.shard} `
      + `produce the same numbers for ${table.name}.${column}, which must be unique over all shards: `
      + 'give each shard different numbers (with "alter sequence … increment by 2", '
      + 'or MINVALUE and MAXVALUE), or use UUIDs.')
  }
}

/** The first number of `theirs` beyond all numbers that `ours` has produced; undefined if `theirs` is already beyond them. */
function nextBeyond(ours: Sequence, theirs: Sequence): bigint | undefined {
  if (!ours.called) return undefined
  const last = ours.next - ours.step
  const way = theirs.step > 0n ? last - theirs.next : theirs.next - last
  if (way < 0n) return undefined
  const size = theirs.step > 0n ? theirs.step : -theirs.step
  return theirs.next + (way / size + 1n) * theirs.step
}

function refuseExhausted(leader: MoveSide, follower: MoveSide, ours: Sequence, theirs: Sequence, next: bigint): void {
  const [end, name] = theirs.step > 0n ? [theirs.max, 'MAXVALUE'] : [theirs.min, 'MINVALUE']
  if (theirs.step > 0n ? next <= end : next >= end) return
  throw new ReshardError(`The sequence ${bareName(theirs)} of the shard ${follower.session.shard} ends at ${end}, `
    + `but the one of ${leader.session.shard} is already at ${ours.next - ours.step}: raise its ${name}.`)
}

function bareName({ name }: Sequence): string {
  return name.replace(/^.*\./, '')
}

/** Whether two sequences never produce the same number. */
async function areApart(leader: MoveSide, follower: MoveSide, { ours, theirs, table, column }: SequencePair): Promise<boolean> {
  if ((ours.next - theirs.next) % divisor(ours.step, theirs.step) !== 0n) return true
  const [one, other] = [numbersOf(ours), numbersOf(theirs)]
  if (one.last < other.first || other.last < one.first) return true
  if (ours.step < 0n || theirs.step < 0n || ours.cycles || theirs.cycles) return false
  const [low, high, side] = ours.next < theirs.next ? [ours, theirs, follower] : [theirs, ours, leader]
  if (low.next === high.next) return false
  if (low.next < high.start) return true
  // RESTART may have moved the sequence to a new range, which the catalog does not record. Then the rows show the range, if an index makes
  // this query fast.
  if ((!low.called && low === theirs) || !await isIndexed(side, table, column)) return false
  const value = identifier(column)
  const sql = `select min(${value}) from ${side.objects.table(table.name)} where ${value} >= $1`
  const [[taken] = []] = await side.session.rows(sql, [String(low.next)])
  const first = taken === null || taken === undefined || BigInt(taken) > high.next ? high.next : BigInt(taken)
  return first - low.next >= FAR * low.step
}

/** The range of numbers that a sequence has produced since its start, or will produce. */
function numbersOf({ next, start, step, min, max, cycles }: Sequence): { first: bigint, last: bigint } {
  if (cycles) return { first: min, last: max }
  if (step > 0n) return { first: start < next ? start : next, last: max }
  return { first: min, last: start > next ? start : next }
}

function divisor(one: bigint, other: bigint): bigint {
  for (let [a, b] = [one < 0n ? -one : one, other < 0n ? -other : other]; ; [a, b] = [b, a % b]) {
    if (b === 0n) return a
  }
}

/** Whether a unique index contains the column without the id. Then rows of two shards must not have the same value. */
async function isUniqueByItself({ session, objects }: MoveSide, { name, idColumn }: ShardTable, column: string): Promise<boolean> {
  if (column === idColumn) return false
  const holds = (parameter: string) =>
    `exists (select from pg_attribute a where a.attrelid = i.indrelid and a.attname = ${parameter} and a.attnum = any(i.indkey::int2[]))`
  const [[unique] = []] = await session.rows(`select exists (select from pg_index i where i.indrelid = $1::regclass and i.indisunique
    and ${holds('$2')} and not ${holds('$3')})`, [objects.table(name), column, idColumn])
  return unique === 't'
}

/** Whether an index begins with the column. */
async function isIndexed({ session, objects }: MoveSide, { name }: ShardTable, column: string): Promise<boolean> {
  const [[indexed] = []] = await session.rows(`select exists (select from pg_index i
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    where i.indrelid = $1::regclass and i.indisvalid and i.indpred is null and a.attname = $2)`, [objects.table(name), column])
  return indexed === 't'
}

async function readSequences(leader: MoveSide, follower: MoveSide): Promise<SequencePair[]> {
  const pairs: SequencePair[] = []
  for (const table of leader.tables) {
    const [mine, other] = [await sequencesOf(leader, table), await sequencesOf(follower, table)]
    for (const [column, ours] of mine) {
      const theirs = other.get(column)
      if (theirs) pairs.push({ ours, theirs, table, column })
    }
  }
  return pairs
}

/** The sequences of the identity columns and defaults of a table, by column. */
async function sequencesOf({ session, objects }: MoveSide, { name }: ShardTable): Promise<Map<string, Sequence>> {
  const found = await session.rows(`select a.attname, format('%I.%I', n.nspname, s.relname),
      q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcycle
    from pg_attribute a
      left join pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
      join pg_depend d on d.refclassid = 'pg_class'::regclass and ((d.classid = 'pg_attrdef'::regclass and d.objid = f.oid)
        or (d.classid = 'pg_class'::regclass and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and d.deptype = 'i'))
      join pg_class s on s.relkind = 'S' and s.oid = case when d.classid = 'pg_attrdef'::regclass then d.refobjid else d.objid end
      join pg_namespace n on n.oid = s.relnamespace join pg_sequence q on q.seqrelid = s.oid
    where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped`, [objects.table(name)])
  const sequences = new Map<string, Sequence>()
  for (const [column, sequence, start, step, min, max, cycles] of found) {
    const [[last, called] = []] = await session.rows(`select last_value, is_called from ${sequence}`)
    sequences.set(column!, {
      name: sequence!,
      next: called === 't' ? BigInt(last!) + BigInt(step!) : BigInt(last!),
      called: called === 't',
      start: BigInt(start!),
      step: BigInt(step!),
      min: BigInt(min!),
      max: BigInt(max!),
      cycles: cycles === 't',
    })
  }
  return sequences
}
