type Flags = Record<string, unknown>

/** Arguments that select the sort columns, and a function that removes columns that the caller did not select. */
export interface Selection {
  args: object
  strip: (row: Flags) => unknown
}

/** Adds the sort columns to a selection, because a cursor needs their values even if `select` or `omit` excludes them. */
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
