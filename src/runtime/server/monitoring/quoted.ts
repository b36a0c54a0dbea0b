/** Control characters of C1, and characters that change the writing direction. JSON leaves them as they are. */
const UNESCAPED = /[\u007F-\u009F\u2028-\u202E\u2066-\u2069]/g

/** Quotes a string of a client for a log line: as JSON, with every character escaped that a terminal could interpret. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(UNESCAPED, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
