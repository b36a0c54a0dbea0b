/** A column of a table that is moved. */
export interface Column {
  name: string
  type: string
  /** Whether the column is generated. Generated columns are not copied; they are read only if they belong to the key. */
  generated: boolean
  /** Whether the column is GENERATED ALWAYS AS IDENTITY: it can be inserted, but not updated. */
  fixed: boolean
}

/** A table whose rows move, as one shard defines it. */
export interface ShardTable {
  name: string
  /** Position in the table order of the move. The objects that a move installs refer to it. */
  index: number
  /** Column of the id that determines the shard. */
  idColumn: string
  /** Columns of the primary key, in key order. */
  key: readonly Column[]
  /** Columns that are copied or belong to the key, sorted by name. */
  columns: readonly Column[]
  /** Columns that reference rows of the same table. They are copied last, because the referenced rows may be copied later. */
  selfColumns: readonly string[]
}

/** A table and the column of its id. */
export type NamedTable = readonly [table: string, idColumn: string]

/** Foreign key between two tables of a schema. */
export interface ForeignKey {
  name: string
  /** The referencing table. */
  from: string
  columns: readonly string[]
  to: string
  toColumns: readonly string[]
  nullable: boolean
}
