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
