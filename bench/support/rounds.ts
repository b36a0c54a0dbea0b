/** Measures once and returns one number. */
export type Contender = () => Promise<number>

/**
 * Runs every contender once a round, after a round that only warms up. Who comes first and who behind whom differs from round to round:
 * of an even number everybody has run behind everybody else equally often when the rounds are a multiple of it.
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
      const name = names[(round + zigzag(step, names.length)) % names.length]!
      progress(`${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}: ${name}`)
      const value = await contenders[name]()
      if (round > 0) results[name].push(value)
    }
  }
  return results
}

/** 0, 1, n-1, 2, n-2, …: all the steps from one to the next differ, which is what balances the neighbours. E. J. Williams, 1949: https://doi.org/10.1071/CH9490149 */
function zigzag(step: number, count: number): number {
  return step % 2 === 1 ? (step + 1) / 2 : count - step / 2
}
