/**
 * Whether a path matches one of the patterns: `*` stands for a part between slashes, `/**` at the end for the path itself and all below it.
 *
 * @throws TypeError naming `option` and the pattern that does not begin with a slash
 */
export function compilePathPatterns(patterns: readonly string[], option: string): (path: string) => boolean {
  const prefixes: string[] = []
  const expressions: string[] = []
  const exact = new Set<string>()
  for (const pattern of patterns) {
    if (typeof pattern !== 'string' || !pattern.startsWith('/')) {
      throw new TypeError(`${option} holds ${JSON.stringify(pattern)}: write paths that begin with /, such as '/public/**'.`)
    }
    const head = pattern.endsWith('/**') ? pattern.slice(0, -3) : undefined
    if (head !== undefined && !head.includes('*')) prefixes.push(head)
    else if (pattern.includes('*')) expressions.push(toExpression(pattern))
    else exact.add(pattern)
  }
  const expression = expressions.length > 0 ? new RegExp(`^(?:${expressions.join('|')})$`) : undefined
  return path => exact.has(path)
    || prefixes.some(prefix => path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/'))
    || (expression !== undefined && expression.test(path))
}

function toExpression(pattern: string): string {
  const escaped = pattern.replace(/\/\*\*$/, '').replace(/[.+?^${}()|[\]\\]/g, '\\$&')
  const body = escaped.replace(/\*\*|\*/g, stars => stars === '**' ? '.*' : '[^/]*')
  return pattern.endsWith('/**') ? `${body}(?:/.*)?` : body
}

/** The path of a request target, without its query. */
export function pathOf(target: string): string {
  const end = target.indexOf('?')
  return end === -1 ? target : target.slice(0, end)
}
