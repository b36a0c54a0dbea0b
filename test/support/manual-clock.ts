import type { Clock } from '../../src/runtime/server/core/clock'

/** A clock that moves only when the test says so. */
export class ManualClock implements Clock {
  /** Milliseconds that have passed. */
  time = 0
  dice = 0.5
  readonly timers = new Map<number, { due: number, callback: () => void }>()
  private next = 1

  now = (): number => this.time

  wall = (): number => this.time

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

  /** Timers that wait. */
  get pending(): number {
    return this.timers.size
  }

  async advance(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds
    await settle()
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

/** Lets every promise that can settle do so. */
export function settle(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
