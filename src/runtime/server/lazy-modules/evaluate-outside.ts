/** Runs a task outside of every request. What `AsyncLocalStorage.snapshot()` returns at the start of the server is one. */
export type RunOutside = <T>(task: () => T) => T

/** Where built code finds it: a chunk cannot import it, since the import is written when modules are chunks already. */
export const OUTSIDE = 'nuxt-scale:outside'

/** Lets every `import()` of the server, from now on, evaluate what it loads outside of the request that asks first. */
export function evaluateLazyModulesOutside(outside: RunOutside | undefined): void {
  Object.assign(globalThis, { [Symbol.for(OUTSIDE)]: outside })
}
