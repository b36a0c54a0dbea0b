const MOST_CHARACTERS = 500

/** Formats an error as one line for a header or a log. It is at most 500 characters long, and user and password of any URL are masked. */
export function describeError(error: unknown): string {
  const text = error instanceof Error ? (error.name === 'Error' ? error.message : `${error.name}: ${error.message}`) : String(error)
  const line = text.replace(/\s+/g, ' ').replace(/([a-z][\w+.-]*:\/\/)[^\s/]*@/gi, '$1***@').trim()
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS - 1)}…` : line
}
