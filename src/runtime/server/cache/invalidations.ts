import { instrument } from '../core/instruments'
import type { CacheCore } from './core'
import { withoutScope } from './key'
import { patternTest, writePattern } from './pattern'
import type { ScopedPattern } from './store'
import type { Invalidation, InvalidationListener } from './types'

/** Maximum number of queued invalidations. Beyond it, one invalidation of all keys replaces the queue. */
const MOST_QUEUED = 1000
/** Invalidations of this many ms are sent again after a failover, because replication is asynchronous. */
const REMEMBERED_FOR = 60_000
const MOST_REMEMBERED = 10_000
/** Pause in ms before the queue is sent again after a single failed call while Redis is available. */
const RETRY_PAUSE = 500
const EVERYTHING: Invalidation = { kind: 'pattern', pattern: { scope: '*', glob: '*' } }

const counted = instrument('scale.cache.invalidations')

/** Names of the kinds of invalidations in metrics. */
const KINDS = { 'key': 'key', 'tag': 'tag', 'tag everywhere': 'tag', 'pattern': 'pattern' } as const

/** Invalidates entries: at once in this process, in the store, and in every other process. */
export class Invalidations {
  readonly #core: CacheCore
  #queue: Invalidation[] = []
  #recent: { at: number, invalidation: Invalidation }[] = []
  #sending = false
  #retry: NodeJS.Timeout | undefined
  #listener: InvalidationListener | undefined

  constructor(core: CacheCore) {
    this.#core = core
  }

  /** Registers the listener. It runs after all processes were notified, so a value that it then fetches is current. */
  listen(listener: InvalidationListener): void {
    this.#listener = listener
  }

  /** @param keys encoded, with their scope */
  async keys(keys: readonly string[], strict: boolean): Promise<void> {
    await Promise.all(keys.map(key => this.#perform({ kind: 'key', key }, strict)))
  }

  /** @param tags encoded, with their scope */
  async tags(tags: readonly string[], strict: boolean): Promise<void> {
    await Promise.all(tags.map(tag => this.#perform({ kind: 'tag', tag }, strict)))
  }

  /** @param tags encoded, without a scope */
  async tagsEverywhere(tags: readonly string[], strict: boolean): Promise<void> {
    await Promise.all(tags.map(tag => this.#perform({ kind: 'tag everywhere', tag }, strict)))
  }

  /** Returns the number of entries that were deleted. */
  pattern(pattern: ScopedPattern, strict: boolean): Promise<number> {
    return this.#perform({ kind: 'pattern', pattern }, strict)
  }

  /** Drops one key in this process alone, and marks its running reads and loads. */
  forget(key: string): void {
    const { l1, flights, refreshes, waiters } = this.#core
    l1.delete(key)
    flights.markKey(key)
    refreshes.markKey(key)
    waiters.wake(key)
  }

  /** Applies a message of another process. Returns false when the operation is unknown. */
  receive(operation: string, argument: string): boolean {
    switch (operation) {
      case 'del':
        counted.record(1, 'key', 'bus')
        this.forget(argument)
        return true
      case 'fill':
        this.#core.l1.delete(argument)
        this.#core.waiters.wake(argument)
        return true
      case 'fail':
      case 'free':
        this.#core.waiters.wake(argument)
        return true
      case 'tag': {
        counted.record(1, 'tag', 'bus')
        const [tag = '', version] = argument.split(' ')
        this.#forgetTag(tag, version)
        return true
      }
      case 'tag-everywhere':
        counted.record(1, 'tag', 'bus')
        this.#forgetTagEverywhere(argument)
        return true
      case 'pattern':
        counted.record(1, 'pattern', 'bus')
        this.#forgetMatching(argument)
        return true
      default:
        return false
    }
  }

  /** Sends the queued invalidations in order, until one fails. Call it when Redis is back. */
  async resend(): Promise<void> {
    if (this.#sending) return
    this.#sending = true
    try {
      while (this.#queue.length > 0) {
        const invalidation = this.#queue[0]!
        await this.#send(invalidation)
        this.#queue.shift()
        // The listener ran when the invalidation was queued. Until now other processes may have served the old value, so it runs again.
        void this.#listener?.(invalidation, false)
        this.#core.stats.invalidationsQueued = this.#queue.length
      }
    }
    catch {
      // Redis is still unavailable. The queue keeps its order for the next attempt.
    }
    finally {
      this.#sending = false
      this.#retryLater()
    }
  }

  /** Stops the retries. */
  close(): void {
    clearTimeout(this.#retry)
    this.#queue = []
  }

  /** Sends the invalidations of the last 60 s again: a new master may not have replicated them. */
  async resendRecent(): Promise<void> {
    this.#forgetOld()
    for (const { invalidation } of this.#recent) this.#enqueue(invalidation)
    await this.resend()
  }

  async #perform(invalidation: Invalidation, strict: boolean): Promise<number> {
    counted.record(1, KINDS[invalidation.kind], 'local')
    try {
      return await this.#invalidate(invalidation, strict)
    }
    finally {
      await this.#listener?.(invalidation, strict)
    }
  }

  async #invalidate(invalidation: Invalidation, strict: boolean): Promise<number> {
    const here = this.#applyHere(invalidation)
    try {
      const deleted = await this.#send(invalidation)
      this.#remember(invalidation)
      return this.#core.store.holdsEntries ? deleted : here
    }
    catch (error) {
      this.#core.stats.redisErrors++
      this.#enqueue(invalidation)
      if (strict) throw error
      return 0
    }
    finally {
      // Apply it again: a read that began before the deletion in Redis may have put the old value into L1.
      this.#applyHere(invalidation)
    }
  }

  async #send(invalidation: Invalidation): Promise<number> {
    const { store, budget } = this.#core
    switch (invalidation.kind) {
      case 'key':
        await store.delete(invalidation.key, budget)
        return 0
      case 'tag':
        await store.bumpTag(invalidation.tag, budget)
        return 0
      case 'tag everywhere':
        await store.bumpTagEverywhere(invalidation.tag, budget)
        return 0
      case 'pattern':
        return store.deleteMatching(invalidation.pattern)
    }
  }

  /** Applies an invalidation to this process. Returns the number of L1 entries that a pattern dropped. */
  #applyHere(invalidation: Invalidation): number {
    switch (invalidation.kind) {
      case 'key':
        this.forget(invalidation.key)
        return 0
      case 'tag':
        this.#forgetTag(invalidation.tag)
        return 0
      case 'tag everywhere':
        this.#forgetTagEverywhere(invalidation.tag)
        return 0
      case 'pattern':
        return this.#forgetMatching(writePattern(invalidation.pattern))
    }
  }

  #forgetTag(tag: string, version?: string): void {
    const { l1, flights, refreshes, invalidatedTags } = this.#core
    l1.deleteTag(tag, version)
    flights.markTags(named => named === tag)
    refreshes.markTags(named => named === tag)
    invalidatedTags.add(tag)
  }

  #forgetTagEverywhere(tag: string): void {
    const { l1, flights, refreshes, invalidatedTags } = this.#core
    const test = (stored: string) => withoutScope(stored) === tag
    l1.deleteTags(test)
    flights.markTags(test)
    refreshes.markTags(test)
    invalidatedTags.addEverywhere(tag)
  }

  #forgetMatching(pattern: string): number {
    const { l1, flights, refreshes, waiters } = this.#core
    const test = patternTest(pattern)
    const dropped = l1.deleteMatching(test)
    flights.markMatching(test)
    refreshes.markMatching(test)
    waiters.wakeMatching(test)
    return dropped
  }

  #enqueue(invalidation: Invalidation): void {
    if (this.#queue.length >= MOST_QUEUED) this.#queue = this.#sending ? [this.#queue[0]!, EVERYTHING] : [EVERYTHING]
    if (this.#queue.at(-1) !== EVERYTHING) this.#queue.push(invalidation)
    this.#core.stats.invalidationsQueued = this.#queue.length
    this.#retryLater()
  }

  /** Schedules a retry. A single call can fail while Redis is available; then no availability event triggers the resend. */
  #retryLater(): void {
    if (this.#retry || this.#sending || this.#queue.length === 0 || !this.#core.store.available) return
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      void this.resend()
    }, RETRY_PAUSE)
    this.#retry.unref()
  }

  #remember(invalidation: Invalidation): void {
    this.#forgetOld()
    if (this.#recent.length >= MOST_REMEMBERED) this.#recent = [{ at: this.#core.clock.now(), invalidation: EVERYTHING }]
    const last = this.#recent.at(-1)
    if (last?.invalidation === EVERYTHING) last.at = this.#core.clock.now()
    else this.#recent.push({ at: this.#core.clock.now(), invalidation })
  }

  #forgetOld(): void {
    const oldest = this.#core.clock.now() - REMEMBERED_FOR
    let old = 0
    while (old < this.#recent.length && this.#recent[old]!.at < oldest) old++
    if (old > 0) this.#recent.splice(0, old)
  }
}
