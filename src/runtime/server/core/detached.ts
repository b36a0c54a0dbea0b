import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * Runs a task outside of every request, so that the connections and timers that it creates do not carry the tenant of the request that
 * happened to need them first. This module is loaded when the server starts, where there is no request.
 */
export const detached = AsyncLocalStorage.snapshot()
