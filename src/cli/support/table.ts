/** Renders a table with a head. Spaces align the columns; numbers are aligned to the right. */
export function renderTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => String(row[column] ?? '').length)))
  const line = (row: readonly (string | number)[]) => widths
    .map((width, column) => typeof row[column] === 'number' ? String(row[column]).padStart(width) : String(row[column] ?? '').padEnd(width))
    .join('  ')
    .trimEnd()
  return [line(head), ...rows.map(line)].join('\n')
}
