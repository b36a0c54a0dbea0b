/** A pattern of vue-router that is ready to be compared. */
interface Compiled {
  pattern: string
  expression: RegExp
  /** One number for each segment; the higher, the more exact. */
  ranks: readonly number[]
}

const PARAMETER = /:\w+(\((?:\\.|[^\\()])*\))?([*+?]?)/g
const WHOLE_PARAMETER = /^:\w+(\((?:\\.|[^\\()])*\))?([*+?]?)$/

/** Creates a function that returns the page pattern of a path, or `undefined` if no page has the path. */
export function createPagePatternFinder(patterns: readonly string[]): (path: string) => string | undefined {
  const compiled = patterns.map(compile).sort(compareRanks)
  return path => compiled.find(({ expression }) => expression.test(path))?.pattern
}

function compile(pattern: string): Compiled {
  const segments = pattern.split(/\/(?![^(]*\))/).filter(Boolean)
  return {
    pattern,
    expression: new RegExp(`^${segments.map(expressionOf).join('')}/?$`, 'i'),
    ranks: segments.map(rankOf),
  }
}

function expressionOf(segment: string): string {
  const [, own, modifier] = WHOLE_PARAMETER.exec(segment) ?? []
  const value = own ? `(?:${own.slice(1, -1)})` : '[^/]+'
  switch (modifier) {
    case undefined: return `/${inlineExpressionOf(segment)}`
    case '*': return `(?:/${value}(?:/${value})*)?`
    case '+': return `/${value}(?:/${value})*`
    case '?': return `(?:/${value})?`
    default: return `/${value}`
  }
}

/** A segment with text beside its parameters, such as `post-:id`. */
function inlineExpressionOf(segment: string): string {
  let text = ''
  let end = 0
  for (const match of segment.matchAll(PARAMETER)) {
    text += escapeText(segment.slice(end, match.index))
    text += match[1] ? `(?:${match[1].slice(1, -1)})` : '[^/]+?'
    end = match.index + match[0].length
  }
  return text + escapeText(segment.slice(end))
}

function escapeText(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}

function rankOf(segment: string): number {
  if (!segment.includes(':')) return 5
  const [, own, modifier] = WHOLE_PARAMETER.exec(segment) ?? []
  if (modifier === undefined) return 4
  if (modifier === '*' || modifier === '+') return 0
  if (modifier === '?') return 1
  return own ? 3 : 2
}

function compareRanks({ ranks: one }: Compiled, { ranks: other }: Compiled): number {
  const different = one.findIndex((rank, index) => rank !== other[index])
  if (different < 0 || different >= other.length) return one.length - other.length
  return other[different]! - one[different]!
}
