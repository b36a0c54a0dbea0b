/** Longest shape in a log line, in characters. */
const MOST_CHARACTERS = 160

/**
 * Describes the arguments of a query without their values: `{ where: { shopId }, include: { tags } }`.
 * Two queries with the same shape differ only in their values, so one query could replace both.
 */
export function shapeOf(args: unknown): string {
  if (Array.isArray(args)) {
    const shapes = new Set(args.map(shapeOf))
    shapes.delete('')
    return `[${[...shapes].sort().join(', ')}]`
  }
  if (!isPlain(args)) return ''
  const parts = Object.keys(args).filter(key => args[key] !== undefined).sort().map((key) => {
    const shape = shapeOf(args[key])
    return shape === '' ? key : `${key}: ${shape}`
  })
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`
}

/** Shortens a shape to one line for the log. */
export function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}…` : line
}

/** False for dates, decimals and bytes: they are objects, but count as values. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
