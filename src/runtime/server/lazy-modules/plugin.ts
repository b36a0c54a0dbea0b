import { detached } from '../core/detached'
import { defineNitroPlugin } from '../nitro'
import { evaluateLazyModulesOutside } from './evaluate-outside'

/** Plugins run when the server starts, where there is no request. */
export default defineNitroPlugin(() => evaluateLazyModulesOutside(detached))
