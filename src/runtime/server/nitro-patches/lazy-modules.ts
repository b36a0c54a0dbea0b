import { detached } from '../core/detached'

/** Runs a task outside any request, such as the result of `AsyncLocalStorage.snapshot()` at the start of the server. */
export type RunOutside = <T>(task: () => T) => T

/** Name of the global symbol for built code. A chunk cannot import the function, because the code is inserted after bundling. */
export const OUTSIDE = 'nuxt-scale:outside'

/**
 * The Nitro plugin that provides the function. Plugins run when the server starts, outside any request.
 * It is a plain function, so that the build can import this file.
 */
export default (): void => evaluateLazyModulesOutside(detached)

/** Makes every later `import()` of the server evaluate its module outside the request that triggers the import. */
export function evaluateLazyModulesOutside(outside: RunOutside | undefined): void {
  Object.assign(globalThis, { [Symbol.for(OUTSIDE)]: outside })
}
