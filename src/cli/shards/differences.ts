import { renderTable } from '../support/table'
import type { Comparison } from '../../reshard/compare'

/** The differences as a table; nothing when there are none. */
export function describeDifferences({ differences, more }: Comparison): string[] {
  if (differences.length === 0) return []
  return ['', renderTable(['table', 'key', 'what'], differences.map(({ table, key, kind }) => [table, key.join(' '), kind])), ...more ? ['… and more'] : []]
}
