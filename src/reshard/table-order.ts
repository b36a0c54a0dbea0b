import { ReshardError } from './errors'
import type { ForeignKey, NamedTable } from './shard-table'

/**
 * Parents before their children, by their foreign keys; otherwise as given.
 *
 * @throws ReshardError when tables point at each other in a circle
 */
export function sortTables(named: readonly NamedTable[], foreignKeys: readonly ForeignKey[]): NamedTable[] {
  const sorted: NamedTable[] = []
  let waiting = [...named]
  while (waiting.length > 0) {
    const isFree = ([name]: NamedTable) => foreignKeys.every(({ from, to }) => from !== name || to === name || !waiting.some(([parent]) => parent === to))
    const free = waiting.filter(isFree)
    if (free.length === 0) throw new ReshardError(`The tables ${waiting.map(([name]) => name).join(', ')} point at each other in a circle: rows of them cannot be copied one after another.`)
    sorted.push(...free)
    waiting = waiting.filter(table => !free.includes(table))
  }
  return sorted
}
