import { instrument } from '../core/instruments'
import type { CacheCore } from './core'
import type { Policy } from './policy'

/** First and longest pause in ms between two polls of a key that another process loads. A bus message usually ends the wait earlier. */
const FIRST_POLL = 50
const LONGEST_POLL = 500

const leases = instrument('scale.cache.lease')
const waits = instrument('scale.cache.lease.wait')

/** How long one call waits for the load of another process. The time counts from its first read. */
export class WaitForLoad {
  readonly #core: CacheCore
  readonly #key: string
  readonly #policy: Policy
  readonly #began: number
  #pause = FIRST_POLL
  /** Milliseconds in polls. */
  #polled = 0

  constructor(core: CacheCore, key: string, policy: Policy, began: number) {
    this.#core = core
    this.#key = key
    this.#policy = policy
    this.#began = began
  }

  /** Whether the caller should load itself now. Without `lease` it never waits. */
  get isOver(): boolean {
    return !this.#policy.lease || this.#waited >= this.#policy.timeout
  }

  /** Whether a caller with an old value should serve that value now. */
  get isSoftOver(): boolean {
    return this.#waited >= this.#policy.softTimeout
  }

  /** Waits for a message about the key, but no longer than one poll. @param hasOldValue whether the soft timeout applies */
  async poll(hasOldValue: boolean): Promise<void> {
    const { timeout, softTimeout } = this.#policy
    const started = this.#core.clock.now()
    await this.#core.waiters.wait(this.#key, Math.min(this.#pause, (hasOldValue ? Math.min(timeout, softTimeout) : timeout) - this.#waited))
    this.#pause = Math.min(this.#pause * 2, LONGEST_POLL)
    this.#polled += this.#core.clock.now() - started
  }

  /** Records the time of the wait. A call that has never waited records nothing. */
  measure(): void {
    if (this.#pause === FIRST_POLL) return
    leases.record(1, 'waited')
    waits.record(this.#polled / 1000)
  }

  get #waited(): number {
    return this.#core.clock.now() - this.#began
  }
}
