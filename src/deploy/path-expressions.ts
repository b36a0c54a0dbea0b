import type { HealthPaths } from '../runtime/server/core/health-checks'
import type { PathPattern } from './checks'

/**
 * Regular expressions that stand for the comparison of `runtime/server/core/paths` in nginx and HAProxy. The edge does not know whether a page
 * or a route of the server answers, so both programs must ignore case with them. They have no group that captures and no backslash escape of a letter.
 */

/** Matches the decoded path in every spelling that the pattern stands for in the app. */
export function expressionOf({ path, tree }: PathPattern): string {
  const literal = path.replaceAll(/[.+]/g, '[$&]')
  // The payload of a page holds what the page shows.
  return tree ? `^${literal}(/|$)` : `^${literal}(/_payload[.]js(on)?)?/?$`
}

/**
 * Matches a path as it was sent, when not all programs on the way read it alike: it has an encoded slash, dot, question mark, number sign,
 * backslash, NUL or percent sign, an invalid percent sequence, a doubled slash, a dot segment, a backslash, or no slash at its begin.
 *
 * @param end what ends the path in the text that is searched, as an expression
 */
export function ambiguousExpression(end = '$'): string {
  const codes = '%(2[35ef]|3f|5c|00)|%([^0-9a-f]|.[^0-9a-f]|.?$)'
  return `^[^?]*(${codes}|//|[\\\\]|#|/[.][.]?(/|${end}))|^[^/]`
}

/** Matches the paths of the probes as they are sent, in no other spelling. Case counts. */
export function probesExpression(health: HealthPaths, end = '$'): string {
  return `^(${Object.values(health).map(path => path.replaceAll(/[.+]/g, '[$&]')).join('|')})(${end})`
}
