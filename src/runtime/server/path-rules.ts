import { compilePathPatterns } from './path-patterns'

/**
 * Finds the rule of a path: that of the most specific pattern, which is the one with the most characters that are no star.
 *
 * @param option path of the option, for the error
 * @returns a function of a path; undefined for a path without a rule, or whose rule is `false`
 * @throws TypeError for a pattern that does not begin with a slash
 */
export function compilePathRules<Rule extends object>(rules: ReadonlyMap<string, Rule | false>, option: string): (path: string) => Rule | undefined {
  const compiled = [...rules]
    .map(([pattern, rule]) => ({ matches: compilePathPatterns([pattern], option), rule: rule || undefined, weight: pattern.replaceAll('*', '').length }))
    .sort((a, b) => b.weight - a.weight)
  return path => compiled.find(({ matches }) => matches(path))?.rule
}
