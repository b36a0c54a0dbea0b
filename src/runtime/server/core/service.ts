/** An object that exists once in a process. The plugin of its feature provides it when the server starts. */
export interface Service<Value> {
  /** Returns the object. @throws Error before the server has started, or if the feature is off */
  use: () => Value
  /** Returns the object, or `undefined` before the server has started or if the feature is off. */
  find: () => Value | undefined
  /** Provides the object, or removes it with `undefined`. */
  provide: (value: Value | undefined) => void
}

/**
 * Defines a service of this process.
 *
 * @param missing message of the error if the service is used before it is provided
 */
export function defineService<Value>(missing: string): Service<Value> {
  let current: Value | undefined
  return {
    use() {
      if (current === undefined) throw new Error(missing)
      return current
    },
    find: () => current,
    provide(value) {
      current = value
    },
  }
}
