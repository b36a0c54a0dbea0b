import { useFeatureConfig } from '../../core/scale-config'
import { useCacheEngine } from '../../cache/service'
import { createThrottle } from '../../core/gcra'
import { createLog } from '../../core/log'
import { defineNitroPlugin } from '../../nitro'
import { tagFormats } from '../tag-header'
import { createPurgeCall, limitsOf } from './call'
import { followInvalidations } from './follow'
import { createPurgeQueue } from './queue'
import { purgeSettings } from './settings'
import type { HttpModuleOptions } from '../settings'

/** Milliseconds that the shutdown waits for the CDN. */
const CLOSE_BUDGET = 3000

/** Purges the CDN when the cache is invalidated. */
export default defineNitroPlugin((nitroApp) => {
  if (import.meta.prerender) return
  const { purge, cdn } = useFeatureConfig<HttpModuleOptions>('http')
  // Only a build with `purge` includes this plugin.
  const settings = purgeSettings.resolve(purge as Exclude<typeof purge, false>, cdn)
  const log = createLog('http')
  if (!settings) {
    if (!import.meta.dev) {
      log.warn(
        'scale.http.purge has no address, id or token, so invalidations do not reach the CDN: '
        + 'set NUXT_SCALE_HTTP_PURGE_URL, or NUXT_SCALE_HTTP_PURGE_ID and NUXT_SCALE_HTTP_PURGE_TOKEN, where the server starts.',
      )
    }
    return
  }
  const { rate, burst, timeout, againAfter, wait, target } = settings
  const queue = createPurgeQueue({
    call: createPurgeCall(settings),
    limits: limitsOf(settings),
    throttle: createThrottle(rate, burst),
    timeout,
    againAfter,
    log,
  })
  useCacheEngine().onInvalidated(followInvalidations(queue, tagFormats[target]!, wait, log))
  nitroApp.hooks.hookOnce('close', () => queue.close(CLOSE_BUDGET))
})
