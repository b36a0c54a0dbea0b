import { ReshardError } from './errors'

/** A value as the database writes it, so that nothing is lost on the way through JavaScript. */
export type TextRow = (string | null)[]

/** What a statement may be given. */
export type Parameter = string | number | readonly (string | null)[] | readonly number[] | null

/** The only connection of a command to a shard. While it is open no other command moves rows of that shard. */
export interface ShardSession {
  shard: string
  /** Holds the tables, and what a move installs. */
  schema: string
  /** Rows as lists of texts. */
  rows: (sql: string, parameters?: readonly Parameter[]) => Promise<TextRow[]>
  /** @returns how many rows were written */
  execute: (sql: string, parameters?: readonly Parameter[]) => Promise<number>
  /** Runs `work` in a transaction; `begin` is what stands behind BEGIN. */
  transaction: <T>(work: () => Promise<T>, begin?: string) => Promise<T>
  close: () => Promise<void>
}

/** A statement that failed, in one sentence. */
export class ShardStatementError extends ReshardError {
  /** SQLSTATE; undefined when the connection itself failed. */
  readonly code: string | undefined
  readonly constraint: string | undefined

  constructor(message: string, code?: string, constraint?: string) {
    super(message)
    this.code = code
    this.constraint = constraint
  }
}
