/** A column of a table that is moved. */
export interface Column {
  name: string
  type: string
  /** Makes columns that nobody may write. They are read where they belong to the key, and not copied. */
  generated: boolean
  /** GENERATED ALWAYS AS IDENTITY: is written with a new row, and never again. */
  fixed: boolean
}

/** A table whose rows are moved, as one shard has it. */
export interface ShardTable {
  name: string
  /** Its place in the order of the move, which what is installed in the databases refers to. */
  index: number
  /** The column of the id that decides. */
  idColumn: string
  /** Columns of the primary key, in its order. */
  key: readonly Column[]
  /** Columns that are copied or belong to the key, by name. */
  columns: readonly Column[]
  /** Columns that point at rows of the same table, which may be copied later: they are copied last. */
  selfColumns: readonly string[]
}

/** A table and the column of its id. */
export type NamedTable = readonly [table: string, idColumn: string]

/** Foreign key between two tables of a schema. */
export interface ForeignKey {
  name: string
  /** Table that points. */
  from: string
  columns: readonly string[]
  to: string
  toColumns: readonly string[]
  nullable: boolean
}
