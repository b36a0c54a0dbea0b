import type { NamedTable } from '../../reshard/shard-table'
import { listOf, CliFailure } from '../support/command'

/**
 * Returns the tables of `--tables user:id,order:userId`, else those of the options.
 *
 * @throws CliFailure if there are no tables
 */
export function namedTables(flag: string | undefined, options: ReadonlyMap<string, string>): NamedTable[] {
  const given = listOf(flag).map((entry): NamedTable => {
    const [table, column, ...rest] = entry.split(':')
    if (!table || !column || rest.length > 0) {
      throw new CliFailure(`--tables contains ${JSON.stringify(entry)}: `
        + 'write the name of a table and the column of its id, such as user:id,order:userId.')
    }
    return [table, column]
  })
  const tables = given.length > 0 ? given : [...options]
  if (tables.length === 0) {
    throw new CliFailure('No tables are set: set scale.shards.tables, as in { User: \'id\', Order: \'userId\' }, '
      + 'or write --tables User:id,Order:userId.')
  }
  return tables
}
