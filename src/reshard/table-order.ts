import { CliFailure } from '../cli/support/exit'
import { listOf } from '../cli/support/command'
import type { ForeignKey, NamedTable } from './tables'

/**
 * Parents before their children, by their foreign keys; otherwise as given.
 *
 * @throws CliFailure when tables point at each other in a circle
 */
export function sortTables(named: readonly NamedTable[], foreignKeys: readonly ForeignKey[]): NamedTable[] {
  const sorted: NamedTable[] = []
  let waiting = [...named]
  while (waiting.length > 0) {
    const isFree = ([name]: NamedTable) => foreignKeys.every(({ from, to }) => from !== name || to === name || !waiting.some(([parent]) => parent === to))
    const free = waiting.filter(isFree)
    if (free.length === 0) throw new CliFailure(`The tables ${waiting.map(([name]) => name).join(', ')} point at each other in a circle: rows of them cannot be copied one after another.`)
    sorted.push(...free)
    waiting = waiting.filter(table => !free.includes(table))
  }
  return sorted
}

/**
 * The tables of `--tables user:id,order:userId`, else those of the options.
 *
 * @throws CliFailure when there are none
 */
export function namedTables(flag: string | undefined, options: ReadonlyMap<string, string>): NamedTable[] {
  const given = listOf(flag).map((entry): NamedTable => {
    const [table, column, ...rest] = entry.split(':')
    if (!table || !column || rest.length > 0) throw new CliFailure(`--tables holds ${JSON.stringify(entry)}: write the name of a table and the column of its id, as in user:id,order:userId.`)
    return [table, column]
  })
  const tables = given.length > 0 ? given : [...options]
  if (tables.length === 0) throw new CliFailure('Which tables? Set scale.shards.tables, as in { User: \'id\', Order: \'userId\' }, or write --tables User:id,Order:userId.')
  return tables
}
