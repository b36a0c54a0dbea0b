/** A duration: a plain number is seconds; a string carries its unit, such as `'250ms'` or `'5m'`. */
export type Duration = number | string

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const READABLE_UNITS: [string, number][] = [['d', UNITS.d!], ['h', UNITS.h!], ['min', UNITS.m!], ['s', UNITS.s!]]

/** Longest time in milliseconds, about 285 years. Counters in microseconds cannot represent more. */
const LONGEST = 9_007_199_254_740

/**
 * Parses a duration and returns milliseconds.
 *
 * @param value a plain number of seconds, or a string with its unit: `'250ms'`, `'5s'`, `'5m'`, `'1h'`, `'1d'`.
 * A string of digits is seconds too, because environment variables are strings.
 * @param path path of the option for the error, such as `scale.cache.ttl`
 * @throws Error if the value is negative, not finite or not a duration
 */
export function parseDuration(value: number | string, path: string): number {
  const milliseconds = typeof value === 'number' ? value * 1000 : parseText(value)
  if (!Number.isFinite(milliseconds) || milliseconds < 0 || milliseconds > LONGEST) {
    throw new TypeError(
      `${path} is ${JSON.stringify(value) ?? String(value)}: `
      + 'write a number of seconds, or a string such as \'250ms\', \'5s\', \'5m\', \'1h\' or \'1d\'.',
    )
  }
  return Math.round(milliseconds)
}

function parseText(value: unknown): number {
  const match = typeof value === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*(?:(ms|[smhd])\s*)?$/.exec(value) : null
  return match ? Number(match[1]) * UNITS[match[2] ?? 's']! : Number.NaN
}

/**
 * Formats a duration for people, in the largest unit that gives a whole number: `250 ms`, `90 s`, `2 min`, `1 h`.
 *
 * @param milliseconds a whole number
 */
export function formatDuration(milliseconds: number): string {
  const [name, unit] = READABLE_UNITS.find(([, unit]) => milliseconds >= unit && milliseconds % unit === 0) ?? ['ms', 1]
  return `${milliseconds / unit} ${name}`
}
