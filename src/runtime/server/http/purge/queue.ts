import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { detached } from '../../core/detached'
import type { Throttle } from '../../core/gcra'
import type { CallLimits, PurgeCall } from './call'
import { PurgeFault } from './call'

export interface PurgeQueueOptions {
  call: PurgeCall
  limits: CallLimits
  throttle: Throttle
  /** Deadline of a call in milliseconds. */
  timeout: number
  /** Milliseconds until a key is purged a second time. 0 disables the second purge. */
  againAfter: number
  /** Milliseconds until the first retry. The pause doubles with each retry. @default 500 */
  firstPause?: number
  /** Largest number of waiting keys, including those that wait for their second purge. @default 10_000 */
  most?: number
  log: { info: (message: string) => void, warn: (message: string) => void, error: (message: string) => void }
}

/** Counters for metrics. */
interface PurgeStats {
  calls: number
  faults: number
  /** Keys that the CDN confirmed. */
  purged: number
  /** Keys that were not purged, because the CDN refused them, the queue was full, or the server stopped. */
  lost: number
}

export interface PurgeQueue {
  /**
   * Purges keys. Resolves when the CDN has confirmed all of them.
   * @throws Error if one of them could not be purged
   */
  purge: (keys: readonly string[]) => Promise<void>
  /** Sends the remaining keys without waiting. @param budget milliseconds after which it stops */
  close: (budget: number) => Promise<void>
  readonly stats: PurgeStats
}

const MOST_KEYS = 10_000
const FIRST_PAUSE = 500
const LONGEST_PAUSE = 30_000
/** Milliseconds between two attempts while the server shuts down. */
const PAUSE_AT_END = 200

interface Waiting {
  key: string
  /** Undefined for a second purge, for which no caller waits. */
  done: PromiseWithResolvers<undefined> | undefined
}

/**
 * Creates a queue that purges keys in batches, one call at a time.
 *
 * After a temporary fault, the queue retries until the call succeeds. Keys that the CDN refuses are dropped.
 * Meanwhile new keys wait, up to a limit. A key that is purged several times waits only once.
 */
export function createPurgeQueue(options: PurgeQueueOptions): PurgeQueue {
  const { call, limits, throttle, timeout, againAfter, firstPause = FIRST_PAUSE, most = MOST_KEYS, log } = options
  const stats: PurgeStats = { calls: 0, faults: 0, purged: 0, lost: 0 }
  const waiting = new Map<string, Waiting>()
  /** Keys that wait for their second purge, with its time. They are sorted by time, because the pause is always the same. */
  const again = new Map<string, number>()
  let againTimer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  /** Aborts all pauses, because the server shuts down. */
  const hurry = new AbortController()
  /** Aborts calls too. */
  const stop = new AbortController()
  let isFull = false
  let isFailing = false
  // Sockets and timers are shared by all callers, so they must not keep the tenant of the first caller.

  function add(key: string, isFirst: boolean): Promise<undefined> | undefined {
    const known = waiting.get(key)
    if (known) return isFirst ? (known.done ??= pending()).promise : undefined
    const done = isFirst ? pending() : undefined
    waiting.set(key, { key, done })
    return done?.promise
  }

  function run(): void {
    running ??= detached(async () => {
      // Invalidations of one turn share a call.
      await nextTurn()
      while (waiting.size > 0 && !stop.signal.aborted) await sendBatch()
      running = undefined
      isFull = false
    })
  }

  async function sendBatch(): Promise<void> {
    await mayCall()
    const batch = takeBatch()
    for (let pause = firstPause; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        stats.calls++
        await call(batch.map(({ key }) => key), AbortSignal.any([AbortSignal.timeout(timeout), stop.signal]))
        return confirm(batch)
      }
      catch (error) {
        stats.faults++
        const fault = error instanceof PurgeFault ? error : new PurgeFault(String(error), false)
        if (stop.signal.aborted) return lose(batch, 'the server stopped before')
        if (!fault.isPassing) {
          log.error(
            `The CDN refuses to purge ${count(batch.length)} (${fault.message}): check scale.http.purge. `
            + 'The CDN serves old copies until they expire.',
          )
          return lose(batch, fault.message)
        }
        if (!isFailing) log.warn(`The CDN does not purge (${fault.message}). The purge is retried; meanwhile the CDN may serve old copies.`)
        isFailing = true
        await rest(Math.max(pause, Math.min(fault.retryAfter ?? 0, LONGEST_PAUSE)))
        await mayCall()
      }
    }
  }

  function takeBatch(): Waiting[] {
    const batch: Waiting[] = []
    let bytes = 0
    for (const entry of waiting.values()) {
      bytes += entry.key.length + 1
      if (batch.length > 0 && (batch.length >= limits.keys || bytes > limits.bytes)) break
      batch.push(entry)
      waiting.delete(entry.key)
    }
    return batch
  }

  function confirm(batch: readonly Waiting[]): void {
    stats.purged += batch.length
    if (isFailing) log.info('The CDN purges again.')
    isFailing = false
    for (const { key, done } of batch) {
      if (!done) continue
      done.resolve(undefined)
      if (againAfter > 0 && !hurry.signal.aborted) {
        again.delete(key)
        again.set(key, performance.now() + againAfter)
      }
    }
    scheduleAgain()
  }

  function lose(batch: readonly Waiting[], reason: string): void {
    stats.lost += batch.length
    for (const { done } of batch) done?.reject(new Error(`The CDN did not purge: ${reason}.`))
  }

  function scheduleAgain(): void {
    const next = again.values().next()
    if (againTimer || next.done) return
    againTimer = detached(setTimeout, () => {
      againTimer = undefined
      repeatDue(performance.now())
      scheduleAgain()
    }, Math.max(1, next.value - performance.now()))
    againTimer.unref()
  }

  function repeatDue(moment: number): void {
    for (const [key, due] of again) {
      if (due > moment) break
      again.delete(key)
      void add(key, false)
    }
    if (waiting.size > 0) run()
  }

  async function mayCall(): Promise<void> {
    for (let left = throttle.take(); left > 0 && !hurry.signal.aborted; left = throttle.take()) await rest(left)
  }

  async function rest(milliseconds: number): Promise<void> {
    if (hurry.signal.aborted) await sleep(PAUSE_AT_END, undefined, { signal: stop.signal }).catch(() => {})
    else await sleep(milliseconds, undefined, { signal: hurry.signal, ref: false }).catch(() => {})
  }

  return {
    stats,
    async purge(keys) {
      const promises: Promise<undefined>[] = []
      let refused = 0
      for (const key of keys) {
        const isNew = !waiting.has(key) && !again.has(key)
        if (hurry.signal.aborted || (isNew && waiting.size + again.size >= most)) refused++
        else promises.push(add(key, true)!)
      }
      if (promises.length > 0) run()
      if (refused > 0) {
        stats.lost += refused
        for (const promise of promises) promise.catch(() => {})
        if (hurry.signal.aborted) throw new Error('The CDN was not purged, because the server is shutting down.')
        if (!isFull) {
          log.error(
            `The queue of CDN purges is full (${count(waiting.size + again.size)}). `
            + 'New invalidations do not reach the CDN, which serves their old copies until they expire.',
          )
        }
        isFull = true
        throw new Error('The CDN was not purged, because too many keys are waiting already.')
      }
      await Promise.all(promises)
    },
    async close(budget) {
      clearTimeout(againTimer)
      hurry.abort()
      repeatDue(Number.POSITIVE_INFINITY)
      const timer = setTimeout(() => stop.abort(), budget)
      await running
      clearTimeout(timer)
      const left = [...waiting.values()]
      waiting.clear()
      if (left.length > 0) lose(left, 'the server stopped before')
      if (stop.signal.aborted) {
        log.error('The server stops before the CDN has purged all keys. The CDN serves old copies until they expire.')
      }
    },
  }
}

function pending(): PromiseWithResolvers<undefined> {
  const done = Promise.withResolvers<undefined>()
  // A rejection must not be unhandled when no caller waits for this promise.
  done.promise.catch(() => {})
  return done
}

function count(keys: number): string {
  return keys === 1 ? 'one key' : `${keys} keys`
}
