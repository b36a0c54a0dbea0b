/** Tells the broker of acknowledgements, as few times as it can. One for each channel. */
export interface Acknowledgements {
  /** A delivery was handled. The broker learns it at the next {@link flush}. */
  ack: (tag: number) => void
  /** A delivery was settled in another way, which the broker knows already. */
  settled: (tag: number) => void
  flush: () => void
}

/**
 * Collects acknowledgements until they are flushed. "All up to here" is said only of tags that are settled without a gap from the first on:
 * said of others it would take messages off the queue that are being handled still.
 *
 * @param send an acknowledgement of one tag, or of all up to it
 * @param wake called when there is something to flush; calls `flush` soon
 */
export function createAcknowledgements(send: (tag: number, multiple: boolean) => void, wake: () => void): Acknowledgements {
  /** The lowest tag that is not settled. */
  let low = 1
  /** Handled, and the broker does not know. */
  const waiting = new Set<number>()
  /** Above `low`, and the broker knows. */
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
      // Nothing may be flushed for a long time where everything is rejected.
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
