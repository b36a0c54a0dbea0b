import { withoutScope } from './key'

/** Maximum number of tags whose last message is remembered. */
const MOST_TAGS = 10_000
/** Prefix for tags that were invalidated in every scope. No stored tag begins with it, because braces are encoded. */
const EVERY_SCOPE = '{*}'

/** The tags that were invalidated recently, for loads that add a tag while they run. */
export class InvalidatedTags {
  /** Number of received messages. */
  count = 0
  #forgotten = 0
  readonly #lastMessage = new Map<string, number>()

  add(tag: string): void {
    this.#lastMessage.delete(tag)
    this.#lastMessage.set(tag, ++this.count)
    if (this.#lastMessage.size > MOST_TAGS) {
      const [oldest, message] = this.#lastMessage.entries().next().value!
      this.#lastMessage.delete(oldest)
      this.#forgotten = message
    }
  }

  /** Notes that a tag was invalidated in every scope. */
  addEverywhere(tag: string): void {
    this.add(EVERY_SCOPE + tag)
  }

  /** Whether a message about the tag may have arrived since `count` was `mark`. A forgotten message counts as received. */
  since(tag: string, mark: number): boolean {
    return this.#forgotten > mark
      || (this.#lastMessage.get(tag) ?? 0) > mark
      || (this.#lastMessage.get(EVERY_SCOPE + withoutScope(tag)) ?? 0) > mark
  }
}
