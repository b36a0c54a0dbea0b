/** Batches the acknowledgements of one channel, so that few frames are sent. */
export interface Acknowledgements {
  /** Records that a delivery was handled. It is sent to the broker at the next {@link flush}. */
  ack: (tag: number) => void
  /** Records that a delivery was settled in another way, such as a rejection that was already sent to the broker. */
  settled: (tag: number) => void
  flush: () => void
}

/**
 * Creates the acknowledgements of a channel. `multiple` acknowledges a tag and all tags below it, so it is used only if all of them
 * are settled. Otherwise the broker would remove messages that are still being handled.
 *
 * @param send sends an acknowledgement of one tag, or with `multiple` of all tags up to it
 * @param wake is called when there is something to flush; it must call `flush` soon
 */
export function createAcknowledgements(send: (tag: number, multiple: boolean) => void, wake: () => void): Acknowledgements {
  /** The lowest tag that is not settled. */
  let low = 1
  /** Tags that are handled, but not sent to the broker yet. */
  const waiting = new Set<number>()
  /** Tags above `low` whose settlement was already sent to the broker. */
  const known = new Set<number>()

  function flushFront(): void {
    let last = 0
    let count = 0
    for (; ; low++) {
      if (waiting.delete(low)) {
        last = low
        count++
      }
      else if (!known.delete(low)) {
        break
      }
    }
    if (count > 0) send(last, count > 1)
  }

  return {
    ack(tag) {
      if (waiting.size === 0) wake()
      waiting.add(tag)
    },
    settled(tag) {
      known.add(tag)
      // Advance here too: `known` would grow without limit if every message is rejected and nothing is flushed.
      while (known.delete(low)) low++
    },
    flush() {
      if (waiting.size === 0) return
      flushFront()
      for (const tag of waiting) {
        send(tag, false)
        known.add(tag)
      }
      waiting.clear()
    },
  }
}
