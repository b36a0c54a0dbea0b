/** Small checks that every feature's settings share. Each throws one sentence that names the option and what to write. */

/** Describes a bad value without ever printing more than a short literal. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/**
 * Refuses what is no block of options. A variable that bears the name of the block itself puts its value, which may be a secret, in the place of the block.
 *
 * @throws Error naming the block and its variable
 */
export function refuseOtherThanObject(options: unknown, path: string): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return
  const variable = `NUXT_${path.replaceAll('.', '_').toUpperCase()}`
  throw new TypeError(`${path} (${variable}) is not an object of options: set each option by its own variable, ${variable}_*.`)
}

/**
 * Refuses keys that no option bears, so that a misspelt option cannot be ignored in silence.
 *
 * @throws Error naming the unknown option and the known ones
 */
export function refuseUnknownKeys(options: object, known: readonly string[], path: string): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new Error(`${path}.${key} is not an option: ${path} takes ${known.join(', ')}.`)
    }
  }
}

/** An object of named values. */
export function parseObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new TypeError(`${path} is ${show(value)}: write an object.`)
}

/** A share between 0 and 1. An environment variable arrives as a string and is read as a number. */
export function parseShare(value: unknown, path: string): number {
  return parseNumber(value, path, 0, 1, 'a number from 0 to 1')
}

/** A whole number of at least `least`. */
export function parseCount(value: unknown, path: string, least = 1): number {
  const count = parseNumber(value, path, least, Number.MAX_SAFE_INTEGER, `a whole number of at least ${least}`)
  if (!Number.isInteger(count)) throw new TypeError(`${path} is ${show(value)}: write a whole number of at least ${least}.`)
  return count
}

/** A number above `bound`. */
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

/** A switch. `'true'`, `'false'`, `'1'` and `'0'` are what an environment variable can say. */
export function parseSwitch(value: unknown, path: string): boolean {
  const on = readSwitch(value)
  if (on === undefined) throw new TypeError(`${path} is ${show(value)}: write true or false.`)
  return on
}

/** What a switch says, for an option that can be more than one; undefined when the value is no switch. */
export function readSwitch(value: unknown): boolean | undefined {
  if (value === true || value === 'true' || value === '1' || value === 1) return true
  if (value === false || value === 'false' || value === '0' || value === 0) return false
  return undefined
}

const BYTE_UNITS: Record<string, number> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }

/** Bytes of a plain number, or of a string with its unit: `'512kb'`, `'64mb'`, `'1gb'`. */
export function parseBytes(value: unknown, path: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:(b|kb|mb|gb)\s*)?$/i.exec(String(value))
  const bytes = match ? Math.round(Number(match[1]) * BYTE_UNITS[(match[2] ?? 'b').toLowerCase()]!) : Number.NaN
  if (!Number.isFinite(bytes) || bytes < 1) {
    throw new TypeError(`${path} is ${show(value)}: write a number of bytes, or a string such as '512kb', '64mb' or '1gb'.`)
  }
  return bytes
}

/** One of a fixed set of words. */
export function parseChoice<const Choice extends string>(value: unknown, choices: readonly Choice[], path: string): Choice {
  if (typeof value === 'string' && (choices as readonly string[]).includes(value)) return value as Choice
  throw new TypeError(`${path} is ${show(value)}: write ${choices.map(choice => `'${choice}'`).join(', ')}.`)
}
