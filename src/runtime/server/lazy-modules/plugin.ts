import { detached } from '../core/detached'
import { defineNitroPlugin } from '../nitro'
import { evaluateLazyModulesOutside } from './evaluate-outside'

/** Provides the function that evaluates modules outside requests. Plugins run when the server starts, outside any request. */
export default defineNitroPlugin(() => evaluateLazyModulesOutside(detached))
