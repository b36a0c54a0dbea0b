import { useFeatureConfig, useScaleConfig } from '../core/scale-config'
import config from '#scale/config.mjs'
import { onClose } from '../core/closing'
import { createLog } from '../core/log'
import { defineNitroPlugin, useRuntimeConfig } from '../nitro'
import { redisService } from '../redis/service'
import { rateLimitService } from './service'
import type { RateLimitFunctions } from './key'
import { createKeyFinder } from './key'
import { createLimiter } from './limiter'
import { createRedisLimits } from './redis-limits'
import { compilePathPatterns, compilePathRules } from '../core/paths'
import { probePathsOf } from '../core/health-checks'
import { createPageFinder } from '../request/page-finder'
import type { RateLimitModuleOptions } from './settings'
import { rateLimitSettings, stricterRateLimit } from './settings'
import { wrapWithRateLimit } from './wrap'

/** Applies the rate limits to requests from outside. */
export default defineNitroPlugin((nitroApp) => {
  const { app } = useRuntimeConfig()
  const scale = useScaleConfig()
  const settings = rateLimitSettings.resolve(useFeatureConfig<RateLimitModuleOptions>('rateLimit'))
  if (import.meta.prerender) return
  const functions = config as RateLimitFunctions
  const unkeyed = [...settings.rules.values()].find(rule => rule && rule.key === 'function')
  if (unkeyed && !functions.rateLimitKey) {
    throw new Error(
      `scale.rateLimit.rules['${unkeyed.name}'].key is 'function', but there is no such function: `
      + 'add rateLimitKey() to server/scale.config.ts, or use another key.',
    )
  }
  const log = createLog('rate-limit')
  const redis = redisService.find()
  const limiter = createLimiter({
    shared: redis && createRedisLimits(redis, settings.timeout),
    share: 1 / settings.replicas,
    onShared: (reachable, error) => reachable
      ? log.info('Redis is available for rate limiting again.')
      : log.warn(
          `Redis is unavailable for rate limiting (${error instanceof Error ? error.message : String(error)}). `
          + `Each instance now counts on its own, at 1/${settings.replicas} of each limit.`,
        ),
  })
  const keyOf = createKeyFinder(settings, functions)
  rateLimitService.provide({ limiter, settings, keyOf })
  onClose(nitroApp, 'caches', () => rateLimitService.provide(undefined))
  if (settings.rules.size === 0) return
  const ruleOf = compilePathRules(settings.rules, 'scale.rateLimit.rules', { stricter: stricterRateLimit, isPage: createPageFinder() })
  // A rate-limited probe would make the instance look unhealthy. Other paths below the health path belong to the app, so they count.
  // The ingest route has a limit of its own.
  const probes = [
    ...scale.health ? Object.values(probePathsOf(scale.health.path)) : [],
    ...scale.monitoring ? [scale.monitoring.path] : [],
  ]
  const isProbe = compilePathPatterns(probes, 'scale.health.path', { match: 'every', base: app.baseURL.replace(/\/$/, '') })
  wrapWithRateLimit(nitroApp.h3App, {
    limiter,
    ruleOf: (path, method) => isProbe(path) ? undefined : ruleOf(path, method),
    keyOf,
    headers: settings.headers,
  })
})
