/** Runs a task outside any request, such as the result of `AsyncLocalStorage.snapshot()` at the start of the server. */
export type RunOutside = <T>(task: () => T) => T

/** Name of the global symbol for built code. A chunk cannot import the function, because the code is inserted after bundling. */
export const OUTSIDE = 'nuxt-scale:outside'

/** Makes every later `import()` of the server evaluate its module outside the request that triggers the import. */
export function evaluateLazyModulesOutside(outside: RunOutside | undefined): void {
  Object.assign(globalThis, { [Symbol.for(OUTSIDE)]: outside })
}
