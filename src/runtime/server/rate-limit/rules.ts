import { compilePathPatterns } from '../path-patterns'
import type { RateLimit } from './settings'

/**
 * Finds the rule of a path: that of the most specific pattern, which is the one with the most characters that are no star.
 *
 * @throws TypeError for a pattern that does not begin with a slash
 */
export function compileRules(rules: ReadonlyMap<string, RateLimit | false>): (path: string) => RateLimit | undefined {
  const compiled = [...rules]
    .map(([pattern, rule]) => ({ matches: compilePathPatterns([pattern], 'scale.rateLimit.rules'), rule: rule || undefined, weight: pattern.replaceAll('*', '').length }))
    .sort((a, b) => b.weight - a.weight)
  return path => compiled.find(({ matches }) => matches(path))?.rule
}
