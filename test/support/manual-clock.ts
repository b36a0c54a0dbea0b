import type { RedisClock } from '../../src/runtime/server/redis/clock'

/** A clock that moves only when the test says so. */
export class ManualClock implements RedisClock {
  /** Milliseconds that have passed. */
  time = 0
  dice = 0.5
  readonly timers = new Map<number, { due: number, callback: () => void }>()
  private next = 1

  now = (): number => this.time

  setTimeout = (callback: () => void, milliseconds: number): number => {
    this.timers.set(this.next, { due: this.time + milliseconds, callback })
    return this.next++
  }

  clearTimeout = (timer: unknown): void => {
    this.timers.delete(timer as number)
  }

  /** Due at once, but only when the clock is advanced, be it by nothing. */
  setImmediate = (callback: () => void): number => this.setTimeout(callback, 0)

  random = (): number => this.dice

  async advance(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds
    for (;;) {
      const due = [...this.timers].filter(([, timer]) => timer.due <= end).sort(([, a], [, b]) => a.due - b.due)[0]
      if (!due) {
        break
      }
      this.time = due[1].due
      this.timers.delete(due[0])
      due[1].callback()
      await settle()
    }
    this.time = end
    await settle()
  }
}

/** Lets the promises that are decided run their callbacks. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    await Promise.resolve()
  }
}
