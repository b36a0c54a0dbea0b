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
  return new Purges(options)
}

/** Sockets and timers are shared by all callers, so `detached` keeps them from holding the tenant of the first caller. */
class Purges implements PurgeQueue {
  readonly stats: PurgeStats = { calls: 0, faults: 0, purged: 0, lost: 0 }
  readonly #call: PurgeCall
  readonly #limits: CallLimits
  readonly #throttle: Throttle
  readonly #timeout: number
  readonly #againAfter: number
  readonly #firstPause: number
  readonly #most: number
  readonly #log: PurgeQueueOptions['log']
  readonly #waiting = new Map<string, Waiting>()
  /** Keys that wait for their second purge, with its time. They are sorted by time, because the pause is always the same. */
  readonly #again = new Map<string, number>()
  #againTimer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  /** Aborts all pauses, because the server shuts down. */
  readonly #hurry = new AbortController()
  /** Aborts calls too. */
  readonly #stop = new AbortController()
  #isFull = false
  #isFailing = false

  constructor({ call, limits, throttle, timeout, againAfter, firstPause = FIRST_PAUSE, most = MOST_KEYS, log }: PurgeQueueOptions) {
    this.#call = call
    this.#limits = limits
    this.#throttle = throttle
    this.#timeout = timeout
    this.#againAfter = againAfter
    this.#firstPause = firstPause
    this.#most = most
    this.#log = log
  }

  async purge(keys: readonly string[]): Promise<void> {
    const promises: Promise<undefined>[] = []
    let refused = 0
    for (const key of keys) {
      const isNew = !this.#waiting.has(key) && !this.#again.has(key)
      if (this.#hurry.signal.aborted || (isNew && this.#waiting.size + this.#again.size >= this.#most)) refused++
      else promises.push(this.#add(key, true)!)
    }
    if (promises.length > 0) this.#run()
    if (refused > 0) {
      this.stats.lost += refused
      for (const promise of promises) promise.catch(() => {})
      if (this.#hurry.signal.aborted) throw new Error('The CDN was not purged, because the server is shutting down.')
      if (!this.#isFull) {
        this.#log.error(
          `The queue of CDN purges is full (${count(this.#waiting.size + this.#again.size)}). `
          + 'New invalidations do not reach the CDN, which serves their old copies until they expire.',
        )
      }
      this.#isFull = true
      throw new Error('The CDN was not purged, because too many keys are waiting already.')
    }
    await Promise.all(promises)
  }

  async close(budget: number): Promise<void> {
    clearTimeout(this.#againTimer)
    this.#hurry.abort()
    this.#repeatDue(Number.POSITIVE_INFINITY)
    const timer = setTimeout(() => this.#stop.abort(), budget)
    await this.#running
    clearTimeout(timer)
    const left = [...this.#waiting.values()]
    this.#waiting.clear()
    if (left.length > 0) this.#lose(left, 'the server stopped before')
    if (this.#stop.signal.aborted) {
      this.#log.error('The server stops before the CDN has purged all keys. The CDN serves old copies until they expire.')
    }
  }

  #add(key: string, isFirst: boolean): Promise<undefined> | undefined {
    const known = this.#waiting.get(key)
    if (known) return isFirst ? (known.done ??= pending()).promise : undefined
    const done = isFirst ? pending() : undefined
    this.#waiting.set(key, { key, done })
    return done?.promise
  }

  #run(): void {
    this.#running ??= detached(async () => {
      // Invalidations of one turn share a call.
      await nextTurn()
      while (this.#waiting.size > 0 && !this.#stop.signal.aborted) await this.#sendBatch()
      this.#running = undefined
      this.#isFull = false
    })
  }

  async #sendBatch(): Promise<void> {
    await this.#mayCall()
    const batch = this.#takeBatch()
    for (let pause = this.#firstPause; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        this.stats.calls++
        await this.#call(batch.map(({ key }) => key), AbortSignal.any([AbortSignal.timeout(this.#timeout), this.#stop.signal]))
        return this.#confirm(batch)
      }
      catch (error) {
        this.stats.faults++
        const fault = error instanceof PurgeFault ? error : new PurgeFault(String(error), false)
        if (this.#stop.signal.aborted) return this.#lose(batch, 'the server stopped before')
        if (!fault.isPassing) {
          this.#log.error(
            `The CDN refuses to purge ${count(batch.length)} (${fault.message}): check scale.http.purge. `
            + 'The CDN serves old copies until they expire.',
          )
          return this.#lose(batch, fault.message)
        }
        this.#noteFailing(fault)
        await this.#rest(Math.max(pause, Math.min(fault.retryAfter ?? 0, LONGEST_PAUSE)))
        await this.#mayCall()
      }
    }
  }

  #noteFailing({ message }: PurgeFault): void {
    if (!this.#isFailing) {
      this.#log.warn(`The CDN does not purge (${message}). The purge is retried; meanwhile the CDN may serve old copies.`)
    }
    this.#isFailing = true
  }

  #takeBatch(): Waiting[] {
    const batch: Waiting[] = []
    let bytes = 0
    for (const entry of this.#waiting.values()) {
      bytes += entry.key.length + 1
      if (batch.length > 0 && (batch.length >= this.#limits.keys || bytes > this.#limits.bytes)) break
      batch.push(entry)
      this.#waiting.delete(entry.key)
    }
    return batch
  }

  #confirm(batch: readonly Waiting[]): void {
    this.stats.purged += batch.length
    if (this.#isFailing) this.#log.info('The CDN purges again.')
    this.#isFailing = false
    for (const { key, done } of batch) {
      if (!done) continue
      done.resolve(undefined)
      if (this.#againAfter > 0 && !this.#hurry.signal.aborted) {
        this.#again.delete(key)
        this.#again.set(key, performance.now() + this.#againAfter)
      }
    }
    this.#scheduleAgain()
  }

  #lose(batch: readonly Waiting[], reason: string): void {
    this.stats.lost += batch.length
    for (const { done } of batch) done?.reject(new Error(`The CDN did not purge: ${reason}.`))
  }

  #scheduleAgain(): void {
    const next = this.#again.values().next()
    if (this.#againTimer || next.done) return
    this.#againTimer = detached(setTimeout, () => {
      this.#againTimer = undefined
      this.#repeatDue(performance.now())
      this.#scheduleAgain()
    }, Math.max(1, next.value - performance.now()))
    this.#againTimer.unref()
  }

  #repeatDue(moment: number): void {
    for (const [key, due] of this.#again) {
      if (due > moment) break
      this.#again.delete(key)
      void this.#add(key, false)
    }
    if (this.#waiting.size > 0) this.#run()
  }

  async #mayCall(): Promise<void> {
    for (let left = this.#throttle.take(); left > 0 && !this.#hurry.signal.aborted; left = this.#throttle.take()) await this.#rest(left)
  }

  async #rest(milliseconds: number): Promise<void> {
    if (this.#hurry.signal.aborted) await sleep(PAUSE_AT_END, undefined, { signal: this.#stop.signal }).catch(() => {})
    else await sleep(milliseconds, undefined, { signal: this.#hurry.signal, ref: false }).catch(() => {})
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
