const MOST_CHARACTERS = 500

/** An error as one line for a header or a log: bounded, and without the user and password of any address in it. */
export function describeError(error: unknown): string {
  const text = error instanceof Error ? (error.name === 'Error' ? error.message : `${error.name}: ${error.message}`) : String(error)
  const line = text.replace(/\s+/g, ' ').replace(/([a-z][\w+.-]*:\/\/)[^\s/]*@/gi, '$1***@').trim()
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS - 1)}…` : line
}
