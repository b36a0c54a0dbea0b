/**
 * Whether a path matches one of the patterns: `*` stands for a part between slashes, `/**` at the end for the path itself and all below it.
 *
 * @throws TypeError naming `option` and the pattern that does not begin with a slash
 */
export function compilePathPatterns(patterns: readonly string[], option: string): (path: string) => boolean {
  if (patterns.length === 0) return () => false
  // One expression for all: every request is asked for. A path may hold a line break, which `.` must not stop at.
  const expression = new RegExp(`^(?:${checkPathPatterns(patterns, option).map(toExpression).join('|')})$`, 's')
  return path => expression.test(path)
}

/** @throws TypeError naming `option` and the pattern that does not begin with a slash */
export function checkPathPatterns(patterns: readonly string[], option: string): readonly string[] {
  for (const pattern of patterns) {
    if (typeof pattern !== 'string' || !pattern.startsWith('/')) {
      throw new TypeError(`${option} holds ${JSON.stringify(pattern)}: write paths that begin with /, such as '/public/**'.`)
    }
  }
  return patterns
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
