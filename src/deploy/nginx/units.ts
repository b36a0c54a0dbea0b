/** Formats a time for nginx. */
export function time(milliseconds: number): string {
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`
}

/** Formats a size for nginx. */
export function size(bytes: number): string {
  if (bytes % 1024 ** 2 === 0) return `${bytes / 1024 ** 2}m`
  return bytes % 1024 === 0 ? `${bytes / 1024}k` : String(bytes)
}

/** Formats a rate for nginx: whole requests per second, else per minute. */
export function rate(limit: number, window: number): string {
  const perSecond = limit * 1000 / window
  return Number.isInteger(perSecond) ? `${perSecond}r/s` : `${perSecond * 60}r/m`
}
