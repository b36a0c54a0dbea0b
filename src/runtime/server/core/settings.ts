import { variableOf } from './environment-variable'

/** Validators that all features use for their options. Each throws an error that names the option and the fix. */

/** Formats a wrong value for an error, with at most 60 characters. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/**
 * Refuses a value that is not an object of options. This happens if a variable has the name of the object itself:
 * its value, which may be a secret, then replaces the object.
 *
 * @throws TypeError naming the option and its variable
 */
export function refuseOtherThanObject(options: unknown, path: string): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return
  const variable = variableOf(path)
  throw new TypeError(`${path} (${variable}) must be an object of options: set each option with its own variable, ${variable}_*.`)
}

/**
 * Refuses unknown options, so that a misspelt option is not silently ignored.
 *
 * @throws Error naming the unknown option and the known ones
 */
export function refuseUnknownKeys(options: object, known: readonly string[], path: string): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new Error(`${path}.${key} is not an option: write one of ${known.join(', ')}.`)
    }
  }
}

/** Validates an object. */
export function parseObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new TypeError(`${path} is ${show(value)}: write an object.`)
}

/** Parses a number from 0 to 1. It also accepts a string, because environment variables are strings. */
export function parseShare(value: unknown, path: string): number {
  return parseNumber(value, path, 0, 1, 'a number from 0 to 1')
}

/** Parses a whole number of at least `least`. */
export function parseCount(value: unknown, path: string, least = 1): number {
  const count = parseNumber(value, path, least, Number.MAX_SAFE_INTEGER, `a whole number of at least ${least}`)
  if (!Number.isInteger(count)) throw new TypeError(`${path} is ${show(value)}: write a whole number of at least ${least}.`)
  return count
}

/** Parses a number above `bound`. */
export function parseNumberAbove(value: unknown, bound: number, path: string): number {
  const number = parseNumber(value, path, bound, Number.MAX_SAFE_INTEGER, `a number above ${bound}`)
  if (number === bound) throw new TypeError(`${path} is ${show(value)}: write a number above ${bound}.`)
  return number
}

function parseNumber(value: unknown, path: string, least: number, most: number, wanted: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number) || number < least || number > most) {
    throw new TypeError(`${path} is ${show(value)}: write ${wanted}.`)
  }
  return number
}

/** Parses a boolean. It also accepts `'true'`, `'false'`, `'1'` and `'0'`, for environment variables. */
export function parseSwitch(value: unknown, path: string): boolean {
  const on = readSwitch(value)
  if (on === undefined) throw new TypeError(`${path} is ${show(value)}: write true or false.`)
  return on
}

/** Parses a boolean of an option that also accepts other types. Returns undefined if the value is not a boolean. */
export function readSwitch(value: unknown): boolean | undefined {
  if (value === true || value === 'true' || value === '1' || value === 1) return true
  if (value === false || value === 'false' || value === '0' || value === 0) return false
  return undefined
}

const BYTE_UNITS: Record<string, number> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }

/** Parses a size and returns bytes. It accepts a plain number of bytes, or a string with its unit: `'512kb'`, `'64mb'`, `'1gb'`. */
export function parseBytes(value: unknown, path: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:(b|kb|mb|gb)\s*)?$/i.exec(String(value))
  const bytes = match ? Math.round(Number(match[1]) * BYTE_UNITS[(match[2] ?? 'b').toLowerCase()]!) : Number.NaN
  if (!Number.isFinite(bytes) || bytes < 1) {
    throw new TypeError(`${path} is ${show(value)}: write a number of bytes, or a string such as '512kb', '64mb' or '1gb'.`)
  }
  return bytes
}

/** Validates one of a fixed set of strings. */
export function parseChoice<const Choice extends string>(value: unknown, choices: readonly Choice[], path: string): Choice {
  if (typeof value === 'string' && (choices as readonly string[]).includes(value)) return value as Choice
  throw new TypeError(`${path} is ${show(value)}: write ${choices.map(choice => `'${choice}'`).join(', ')}.`)
}
