type Flags = Record<string, unknown>

/** Arguments that surely bring the sort columns, and how to take off again what nobody asked for. */
export interface Selection {
  args: object
  strip: (row: Flags) => unknown
}

/** A cursor is made of the sort columns, so they are read even where `select` or `omit` leave them out. */
export function selectColumns(args: { select?: unknown, omit?: unknown }, columns: readonly string[]): Selection {
  const select = args.select as Flags | null | undefined
  const omit = args.omit as Flags | null | undefined
  const added = columns.filter(column => select ? !select[column] : omit?.[column] === true)
  if (added.length === 0) return { args, strip: row => row }
  const flags = (flag: boolean) => Object.fromEntries(added.map(column => [column, flag]))
  return {
    args: select ? { ...args, select: { ...select, ...flags(true) } } : { ...args, omit: { ...omit, ...flags(false) } },
    strip: row => Object.fromEntries(Object.entries(row).filter(([column]) => !added.includes(column))),
  }
}
