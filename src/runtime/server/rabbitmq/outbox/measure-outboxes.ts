import { instrument } from '../../core/instruments'
import type { SqlClient } from '../sql-client'
import type { OutboxSource } from './relay'

const pending = instrument('scale.outbox.pending')
const oldest = instrument('scale.outbox.oldest')

/** Milliseconds between two measurements. */
const INTERVAL = 10_000
/** Most messages of one outbox that are counted, so that a large outbox costs no more than a small one. */
const MOST_COUNTED = 10_000

/**
 * Measures the outboxes in the background, also while the broker is down. A scrape does not query a database. All processes that relay the
 * same outboxes measure the same values.
 *
 * @returns a function that stops it
 */
export function measureOutboxes(sources: readonly OutboxSource[], interval = INTERVAL): () => void {
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  // The next measurement begins after this one, so that a slow database does not get several queries at once.
  function schedule(): void {
    if (!stopped) timer = setTimeout(() => void measure().then(schedule), interval).unref()
  }

  async function measure(): Promise<void> {
    if (!pending.enabled) return
    let messages = 0
    let age = 0
    for (const source of sources) {
      try {
        const found = await source.use(measureOutbox)
        messages += found.messages
        age = Math.max(age, found.age)
      }
      catch {
        // The relay reports a database that cannot be read. The values of the last measurement stay.
        return
      }
    }
    pending.record(messages)
    oldest.record(age)
  }

  schedule()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

/** Returns the number of messages that are not published, and the age of the oldest one in seconds. */
async function measureOutbox(client: SqlClient): Promise<{ messages: number, age: number }> {
  const [row] = await client.$queryRawUnsafe(
    `select cast(count(*) as int) as messages, cast(coalesce(extract(epoch from now() - min(created_at)), 0) as float8) as age
     from (select created_at from scale_outbox order by id limit ${MOST_COUNTED}) as oldest`,
  ) as { messages: number, age: number }[]
  return { messages: row!.messages, age: Math.max(0, row!.age) }
}
