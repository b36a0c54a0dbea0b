/** A row as strings of the database, so that JavaScript does not change any value. */
export type TextRow = (string | null)[]

/** A parameter of a statement. */
export type Parameter = string | number | readonly (string | null)[] | readonly number[] | null

/** The only connection of a command to a shard. While it is open, no other command can move rows of this shard. */
export interface ShardSession {
  shard: string
  /** Schema of the tables, and of the objects that a move installs. */
  schema: string
  /** Runs a statement and returns its rows as lists of strings. */
  rows: (sql: string, parameters?: readonly Parameter[]) => Promise<TextRow[]>
  /** @returns the number of written rows */
  execute: (sql: string, parameters?: readonly Parameter[]) => Promise<number>
  /** Runs `work` in a transaction. `begin` is appended to BEGIN. */
  transaction: <T>(work: () => Promise<T>, begin?: string) => Promise<T>
  close: () => Promise<void>
}

/** Quotes an identifier for SQL. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a string for SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll('\'', '\'\'')}'`
}

/** Writes a list of strings as an SQL array. */
export function textArray(texts: readonly string[]): string {
  return `array[${texts.map(literal).join(', ')}]::text[]`
}
