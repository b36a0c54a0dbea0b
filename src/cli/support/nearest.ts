/**
 * The name that was probably meant by a misspelt one.
 *
 * @returns undefined when no name is close enough
 */
export function nearest(given: string, names: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(given.length / 3))
  const [closest] = names
    .map(name => ({ name, distance: distanceBetween(given.toLowerCase(), name.toLowerCase()) }))
    .filter(({ distance }) => distance <= most)
    .sort((one, other) => one.distance - other.distance)
  return closest?.name
}

/** ` Did you mean acme?`, or nothing. */
export function didYouMean(given: string, names: readonly string[]): string {
  const name = nearest(given, names)
  return name === undefined ? '' : ` Did you mean ${name}?`
}

/** Fewest insertions, deletions, replacements and exchanges of neighbours (optimal string alignment) that make `other` of `one`. */
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
