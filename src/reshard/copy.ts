import type { MoveSide } from './guard'
import { rowKey, readPage, writeRows } from './rows'
import type { CopyState, MovePair } from './sync'
import { sync } from './sync'
import type { ShardTable } from './shard-table'

/** Progress of the copy of one table. A table with foreign keys to itself is copied in two passes: the first leaves these columns empty. */
interface TableProgress {
  /** 1 or 2; 3 if the copy is complete. */
  pass: number
  /** Key of the last copied row. */
  last: readonly string[] | undefined
  copied: number
}

const DONE = 3

/** Options of {@link copyRows}. */
export interface CopyOptions {
  /** Rows in one batch. */
  batch: number
  /** Called after each batch. */
  onCopied: (table: string, copied: number) => void
  /** Stops the copy between two batches. */
  signal: AbortSignal
}

/**
 * Copies every row that moves, table by table. It continues where an earlier copy stopped.
 *
 * @returns false if the copy was interrupted
 */
export async function copyRows(pair: MovePair, { batch, onCopied, signal }: CopyOptions): Promise<boolean> {
  const { leader, follower } = pair
  const progress = await readProgress(follower)
  for (const table of leader.tables) {
    let at = progress.get(table.index) ?? { pass: 1, last: undefined, copied: 0 }
    while (at.pass < DONE) {
      if (signal.aborted) return false
      // From now on, changes of this table must be applied: they may affect rows that are already copied.
      progress.set(table.index, at)
      const { pass, last, copied } = at
      const rows = await sync(pair, stateOf(progress), async () => {
        const page = await readPage(leader, table, last, batch)
        await writeRows(follower, follower.tables[table.index]!, page, pass === 1 ? table.selfColumns : [])
        at = nextProgress(table, at, page.length < batch, page.length > 0 ? rowKey(table, page.at(-1)!) : last, page.length)
        await writeProgress(follower, table, at)
        return page.length
      })
      onCopied(table.name, pass === 1 ? copied + rows : copied)
    }
    progress.set(table.index, at)
  }
  return true
}

function nextProgress(
  table: ShardTable,
  { pass, copied }: TableProgress,
  end: boolean,
  last: readonly string[] | undefined,
  rows: number,
): TableProgress {
  const sum = pass === 1 ? copied + rows : copied
  if (!end) return { pass, last, copied: sum }
  return { pass: pass === 1 && table.selfColumns.length > 0 ? 2 : DONE, last: undefined, copied: sum }
}

/** Converts the progress to the input of `sync`. */
function stateOf(progress: ReadonlyMap<number, TableProgress>): CopyState {
  return new Map([...progress].map(([table, { pass }]) => [table, { allThere: pass > 1 }]))
}

async function readProgress({ session, objects }: MoveSide): Promise<Map<number, TableProgress>> {
  const rows = await session.rows(`select "table", pass, array_to_json(last), copied from ${objects.progress}`)
  return new Map(rows.map(([table, pass, last, copied]) => [
    Number(table),
    { pass: Number(pass), last: last === null ? undefined : JSON.parse(last!) as string[], copied: Number(copied) },
  ]))
}

function writeProgress({ session, objects }: MoveSide, { index }: ShardTable, { pass, last, copied }: TableProgress): Promise<number> {
  return session.execute(`insert into ${objects.progress} ("table", pass, last, copied) values ($1, $2, $3, $4) on conflict ("table") do `
    + `update set pass = excluded.pass, last = excluded.last, copied = excluded.copied`, [index, pass, last ?? null, copied])
}

/** Estimates the number of rows to copy, from the statistics of the database. */
export async function estimateRows({ session, objects, tables }: MoveSide, share: number): Promise<number> {
  let rows = 0
  for (const { name } of tables) rows += Number((await session.rows('select greatest(reltuples, 0) from pg_class where oid = '
    + '$1::regclass', [objects.table(name)]))[0]![0])
  return Math.round(rows * share)
}
