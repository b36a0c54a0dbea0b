/**
 * Whether a routing key matches a pattern of a topic exchange, by the rules of AMQP 0-9-1: words are separated by points and may be empty,
 * `*` stands for one word, `#` for any number of them. The empty key has no word.
 */
export function compileTopicPattern(pattern: string): (routingKey: string) => boolean {
  const wanted = wordsOf(pattern)
  if (!wanted.some(word => word === '*' || word === '#')) return routingKey => routingKey === pattern
  return routingKey => matches(wanted, wordsOf(routingKey))
}

function wordsOf(text: string): string[] {
  return text === '' ? [] : text.split('.')
}

/** Row by row: which beginnings of the key the pattern so far can be. Its time is the product of both lengths, whatever the pattern. */
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
