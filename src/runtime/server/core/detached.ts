import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * Runs a task outside any request, so that the connections and timers that it creates do not keep the tenant of a request.
 * This module must be loaded when the server starts, outside any request.
 */
export const detached = AsyncLocalStorage.snapshot()
