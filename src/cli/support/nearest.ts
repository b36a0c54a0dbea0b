/**
 * Finds the name that is most similar to a misspelt one.
 *
 * @returns undefined if no name is similar enough
 */
function nearest(given: string, names: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(given.length / 3))
  const [closest] = names
    .map(name => ({ name, distance: distanceBetween(given.toLowerCase(), name.toLowerCase()) }))
    .filter(({ distance }) => distance <= most)
    .sort((one, other) => one.distance - other.distance)
  return closest?.name
}

/** Returns ` Did you mean acme?`, or an empty string. */
export function didYouMean(given: string, names: readonly string[]): string {
  const name = nearest(given, names)
  return name === undefined ? '' : ` Did you mean ${name}?`
}

/**
 * Optimal string alignment distance: the fewest insertions, deletions, substitutions and transpositions of neighbours that change
 * `one` into `other`.
 *
 * @see https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance#Optimal_string_alignment_distance
 */
function distanceBetween(one: string, other: string): number {
  const rows = [Array.from({ length: other.length + 1 }, (_, column) => column)]
  for (let row = 1; row <= one.length; row++) {
    const current = [row]
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1]
      const exchanged = row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      current.push(Math.min(
        rows[row - 1]![column]! + 1,
        current[column - 1]! + 1,
        rows[row - 1]![column - 1]! + (same ? 0 : 1),
        exchanged ? rows[row - 2]![column - 2]! + 1 : Number.POSITIVE_INFINITY,
      ))
    }
    rows.push(current)
  }
  return rows[one.length]![other.length]!
}
