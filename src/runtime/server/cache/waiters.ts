/** Callers that wait for a message about a key, such as the end of its load in another process. */
export class Waiters {
  readonly #byKey = new Map<string, Set<() => void>>()

  /** Resolves when the key is woken, or after `longest` ms. */
  wait(key: string, longest: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#byKey.get(key) ?? new Set()
      this.#byKey.set(key, waiting)
      const done = () => {
        clearTimeout(timer)
        waiting.delete(done)
        if (waiting.size === 0 && this.#byKey.get(key) === waiting) this.#byKey.delete(key)
        resolve()
      }
      const timer = setTimeout(done, longest)
      waiting.add(done)
    })
  }

  wake(key: string): void {
    for (const done of [...this.#byKey.get(key) ?? []]) done()
  }

  wakeMatching(test: (key: string) => boolean): void {
    for (const key of [...this.#byKey.keys()]) {
      if (test(key)) this.wake(key)
    }
  }
}
