/**
 * Compiles a binding pattern of a topic exchange to a function that tests routing keys, by the rules of AMQP 0-9-1. Words are
 * separated by dots and may be empty. `*` matches one word, `#` matches any number of words. An empty routing key contains no
 * words.
 */
export function compileTopicPattern(pattern: string): (routingKey: string) => boolean {
  const wanted = wordsOf(pattern)
  if (!wanted.some(word => word === '*' || word === '#')) return routingKey => routingKey === pattern
  return routingKey => matches(wanted, wordsOf(routingKey))
}

function wordsOf(text: string): string[] {
  return text === '' ? [] : text.split('.')
}

/**
 * Dynamic programming: after each part of the pattern, `reachable[n]` tells whether the parts so far match the first `n` words. The
 * time is proportional to the product of both lengths, so no pattern can make it slow.
 */
function matches(pattern: readonly string[], words: readonly string[]): boolean {
  let reachable = [true, ...words.map(() => false)]
  for (const part of pattern) {
    const next: boolean[] = [part === '#' && reachable[0]!]
    for (const [index, word] of words.entries()) {
      next.push(part === '#' ? reachable[index + 1]! || next[index]! : reachable[index]! && (part === '*' || part === word))
    }
    reachable = next
  }
  return reachable.at(-1)!
}
