/** Measures once and returns one number. */
export type Contender = () => Promise<number>

/**
 * Runs every contender once a round, A B C A B C …, after a round that only warms up.
 * Each round begins with another one, so that nobody always runs behind the same neighbour.
 * @returns the numbers of each contender, one a round
 */
export async function interleave<Name extends string>(
  contenders: Record<Name, Contender>,
  rounds: number,
  progress: (text: string) => void,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(contenders) as Name[]
  const results = Object.fromEntries(names.map(name => [name, [] as number[]])) as Record<Name, number[]>
  for (let round = 0; round <= rounds; round++) {
    for (let step = 0; step < names.length; step++) {
      const name = names[(round + step) % names.length]!
      progress(`${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}: ${name}`)
      const value = await contenders[name]()
      if (round > 0) results[name].push(value)
    }
  }
  return results
}
