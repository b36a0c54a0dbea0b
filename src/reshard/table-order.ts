import { ReshardError } from './errors'
import type { ForeignKey, NamedTable } from './shard-table'

/**
 * Sorts tables by their foreign keys: parents come before their children. Otherwise the order does not change.
 *
 * @throws ReshardError if the foreign keys of tables form a cycle
 */
export function sortTables(named: readonly NamedTable[], foreignKeys: readonly ForeignKey[]): NamedTable[] {
  const sorted: NamedTable[] = []
  let waiting = [...named]
  while (waiting.length > 0) {
    const isWaiting = (name: string) => waiting.some(([table]) => table === name)
    const isFree = ([name]: NamedTable) => foreignKeys.every(({ from, to }) => from !== name || to === name || !isWaiting(to))
    const free = waiting.filter(isFree)
    if (free.length === 0) {
      const names = waiting.map(([name]) => name).join(', ')
      throw new ReshardError(`The foreign keys of the tables ${names} form a cycle, so their rows cannot be `
        + `copied in order: remove one of these keys.`)
    }
    sorted.push(...free)
    waiting = waiting.filter(table => !free.includes(table))
  }
  return sorted
}
