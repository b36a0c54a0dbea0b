import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CallLimits, PurgeCall } from './call'
import { PurgeFault } from './call'
import type { TokenBucket } from './token-bucket'

export interface PurgeQueueOptions {
  call: PurgeCall
  limits: CallLimits
  bucket: TokenBucket
  /** Milliseconds: deadline of a call, and the pause before everything is purged once more (0: not again). */
  timeout: number
  againAfter: number
  /** First pause after a fault; it doubles with each. */
  firstPause?: number
  /** Keys that wait at most, those that are to be purged once more included. */
  most?: number
  log: { info: (message: string) => void, warn: (message: string) => void, error: (message: string) => void }
}

/** What the queue has done, for metrics. */
export interface PurgeStats {
  calls: number
  faults: number
  /** Keys that the CDN confirmed. */
  purged: number
  /** Keys that were given up: refused by the CDN, too many, or the server ended. */
  lost: number
}

export interface PurgeQueue {
  /**
   * Resolves when the CDN has confirmed all keys.
   * @throws Error when one of them was given up
   */
  purge: (keys: readonly string[]) => Promise<void>
  /** Sends what is left, without pauses, for at most so many milliseconds. */
  close: (budget: number) => Promise<void>
  readonly stats: PurgeStats
}

const MOST_KEYS = 10_000
const FIRST_PAUSE = 500
const LONGEST_PAUSE = 30_000
/** Between two tries while the server ends. */
const PAUSE_AT_END = 200

interface Waiting {
  key: string
  /** Nobody waits for the second time. */
  done: PromiseWithResolvers<undefined> | undefined
}

/**
 * Purges keys in batches, one call at a time. A passing fault is tried again until it has passed; what the CDN refuses is given up.
 * Meanwhile new keys wait, each once however often it is purged, up to a limit.
 */
export function createPurgeQueue({ call, limits, bucket, timeout, againAfter, firstPause = FIRST_PAUSE, most = MOST_KEYS, log }: PurgeQueueOptions): PurgeQueue {
  const stats: PurgeStats = { calls: 0, faults: 0, purged: 0, lost: 0 }
  const waiting = new Map<string, Waiting>()
  /** Keys that are purged once more, and when. Sorted by time, since the pause is always the same. */
  const again = new Map<string, number>()
  let againTimer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  /** Ends every pause: the server is about to end. */
  const hurry = new AbortController()
  /** Ends calls too. */
  const stop = new AbortController()
  let isFull = false
  let isFailing = false
  // Whoever purges first must not lend its tenant to the sockets and timers of all.
  const outside = AsyncLocalStorage.snapshot()

  function add(key: string, isFirst: boolean): Promise<undefined> | undefined {
    const known = waiting.get(key)
    if (known) return isFirst ? (known.done ??= pending()).promise : undefined
    const done = isFirst ? pending() : undefined
    waiting.set(key, { key, done })
    return done?.promise
  }

  function run(): void {
    running ??= outside(async () => {
      // Invalidations of one turn share a call.
      await new Promise(resolve => setImmediate(resolve))
      while (waiting.size > 0 && !stop.signal.aborted) await sendBatch()
      running = undefined
      isFull = false
    })
  }

  async function sendBatch(): Promise<void> {
    await token()
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
        if (stop.signal.aborted) return lose(batch, 'the server ended before')
        if (!fault.isPassing) {
          log.error(`The CDN refuses to purge ${count(batch.length)} (${fault.message}): check scale.http.purge. Old copies live there until their time is over.`)
          return lose(batch, fault.message)
        }
        if (!isFailing) log.warn(`The CDN does not purge (${fault.message}): it is asked again until it does, and old copies live there meanwhile.`)
        isFailing = true
        await rest(Math.max(pause, Math.min(fault.retryAfter ?? 0, LONGEST_PAUSE)))
        await token()
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
    againTimer = outside(setTimeout, () => {
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

  async function token(): Promise<void> {
    for (let left = bucket.take(); left > 0 && !hurry.signal.aborted; left = bucket.take()) await rest(left)
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
        if (hurry.signal.aborted) throw new Error('The CDN was not purged, because the server ends.')
        if (!isFull) log.error(`${count(waiting.size + again.size)} wait for the CDN, which is all that fits: what is invalidated now is not purged, and its old copies live there until their time is over.`)
        isFull = true
        throw new Error('The CDN was not purged, because too many keys wait for it already.')
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
      if (left.length > 0) lose(left, 'the server ended before')
      if (stop.signal.aborted) log.error('The server ends before the CDN has purged everything: old copies live there until their time is over.')
    },
  }
}

function pending(): PromiseWithResolvers<undefined> {
  const done = Promise.withResolvers<undefined>()
  // Whether anybody waits for it is not known here.
  done.promise.catch(() => {})
  return done
}

function count(keys: number): string {
  return keys === 1 ? 'one key' : `${keys} keys`
}
