/** One row of a {@link createTable}. */
export type TableRow = Record<string, unknown>

type Where = Record<string, unknown>

/** A table in memory that understands the arguments of Prisma's `findMany` as far as pages need them, with the nulls of SQL. */
export interface Table {
  rows: TableRow[]
  findMany: (args: { where?: object, orderBy?: readonly object[], take?: number, skip?: number, select?: object }) => Promise<TableRow[]>
  count: (args: { where?: object }) => Promise<number>
}

/** @param rows kept as they are, so that a test may change them between pages */
export function createTable(rows: TableRow[]): Table {
  return {
    rows,
    async findMany({ where, orderBy = [], take = Infinity, skip = 0, select }) {
      const found = rows.filter(row => matches(row, where as Where)).sort((one, other) => compareBy(orderBy, one, other)).slice(skip, skip + take)
      return found.map(row => select ? Object.fromEntries(Object.keys(select).map(column => [column, row[column]])) : { ...row })
    },
    count: async ({ where }) => rows.filter(row => matches(row, where as Where)).length,
  }
}

function matches(row: TableRow, where: Where = {}): boolean {
  return Object.entries(where).every(([column, condition]) => {
    if (column === 'AND') return (condition as Where[]).every(part => matches(row, part))
    if (column === 'OR') return (condition as Where[]).some(part => matches(row, part))
    const value = row[column]
    if (condition === null) return value === null
    if (typeof condition !== 'object' || condition instanceof Date) return value !== null && compare(value, condition) === 0
    return Object.entries(condition).every(([operator, wanted]) => {
      if (operator === 'not' && wanted === null) return value !== null
      // Whatever is compared with nothing is unknown.
      if (value === null || typeof value === 'boolean') return false
      const order = compare(value, wanted)
      return ({ gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 } as Record<string, boolean>)[operator] ?? false
    })
  })
}

function compareBy(orderBy: readonly object[], one: TableRow, other: TableRow): number {
  for (const part of orderBy) {
    const [column, given] = Object.entries(part)[0] as [string, string | { sort: string, nulls?: string }]
    const { sort, nulls = 'last' } = typeof given === 'string' ? { sort: given } : given
    const [left, right] = [one[column], other[column]]
    if (left === null || right === null) {
      if (left === right) continue
      return (left === null) === (nulls === 'first') ? -1 : 1
    }
    const order = compare(left, right)
    if (order !== 0) return sort === 'asc' ? order : -order
  }
  return 0
}

function compare(left: unknown, right: unknown): number {
  const [one, other] = [left, right].map(value => value instanceof Date ? value.getTime() : value) as [number, number]
  return one < other ? -1 : one > other ? 1 : 0
}
