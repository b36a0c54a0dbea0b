import { AsyncLocalStorage } from 'node:async_hooks'
import { defineNitroPlugin } from '../nitro'
import { evaluateLazyModulesOutside } from './evaluate-outside'

/** Plugins run when the server starts, where there is no request. */
export default defineNitroPlugin(() => evaluateLazyModulesOutside(AsyncLocalStorage.snapshot()))
