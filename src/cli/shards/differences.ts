import { renderTable } from '../support/table'
import type { Comparison } from '../../reshard/compare'

/** Renders differences as a table. Empty if there are none. */
export function describeDifferences({ differences, more }: Comparison): string[] {
  if (differences.length === 0) return []
  return [
    '',
    renderTable(['table', 'key', 'difference'], differences.map(({ table, key, kind }) => [table, key.join(' '), kind])),
    ...more ? ['… and more'] : [],
  ]
}
