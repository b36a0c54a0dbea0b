/** Longer texts are cut where they are shown. */
const MOST_CHARACTERS = 160

/**
 * What a query asks for without the values that it asks with: `{ where: { shopId }, include: { tags } }`.
 * Two queries of one shape differ in their values only, so one query could have answered both.
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

/** A shape as it is shown. */
export function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}…` : line
}

/** Dates, decimals and bytes are objects too, and values. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
