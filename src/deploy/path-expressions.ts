import type { HealthPaths } from '../runtime/server/core/health-checks'
import type { PathPattern } from './checks'

/**
 * Regular expressions for nginx and HAProxy that match paths as `runtime/server/core/paths` does. A balancer does not know whether a page
 * or a server route answers, so both programs must ignore case. The expressions contain neither capturing groups nor backslash escapes of
 * letters.
 */

/** Matches the decoded path in every spelling that the app accepts for the pattern. */
export function expressionOf({ path, tree }: PathPattern): string {
  const literal = path.replaceAll(/[.+]/g, '[$&]')
  // The payload of a page contains the data of the page.
  return tree ? `^${literal}(/|$)` : `^${literal}(/_payload[.]js(on)?)?/?$`
}

/**
 * Matches an undecoded path that programs may interpret differently: it contains an encoded slash, dot, question mark, number sign,
 * backslash, NUL or percent sign, an invalid percent sequence, a double slash, a dot segment or a backslash, or does not begin with a
 * slash.
 *
 * @param end expression for the end of the path in the searched string
 */
export function ambiguousExpression(end = '$'): string {
  const codes = '%(2[35ef]|3f|5c|00)|%([^0-9a-f]|.[^0-9a-f]|.?$)'
  return `^[^?]*(${codes}|//|[\\\\]|#|/[.][.]?(/|${end}))|^[^/]`
}

/** Matches the undecoded paths of the probes, in their exact spelling and case. */
export function probesExpression(health: HealthPaths, end = '$'): string {
  return `^(${Object.values(health).map(path => path.replaceAll(/[.+]/g, '[$&]')).join('|')})(${end})`
}
