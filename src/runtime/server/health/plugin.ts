import { useFeatureConfig } from '../core/scale-config'
import config from '#scale/config.mjs'
import { detached } from '../core/detached'
import { onClose } from '../core/closing'
import { isDraining } from '../core/draining'
import { providedHealthChecks } from '../core/health-checks'
import { createLog } from '../core/log'
import { defineNitroPlugin } from '../nitro'
import { appChecks, featureChecks } from './configured-checks'
import type { CurrentHealth } from './probes'
import { healthService, createProbes } from './probes'
import { watchEventLoopLag } from './event-loop-lag'
import { createReporter } from './report'
import type { HealthModuleOptions } from './settings'
import { healthSettings } from './settings'
import type { HealthFunctions } from './types'

/** Validates the settings when the server starts, so that a wrong one fails the start and not the first probe. */
export default defineNitroPlugin((nitroApp) => {
  const settings = healthSettings.resolve(useFeatureConfig<HealthModuleOptions>('health'))
  const ofApp = appChecks((config as HealthFunctions).healthChecks, settings.timeout)
  if (import.meta.prerender) return
  // Checks run outside any request, although a request triggers them.
  const log = createLog('health')
  const watch = watchEventLoopLag()
  onClose(nitroApp, 'context', watch.stop)

  function open(): CurrentHealth {
    const report = createReporter({
      checks: [...featureChecks(providedHealthChecks(), settings), ...ofApp],
      cacheTtl: settings.cacheTtl,
      onChange: ({ name, level }, fault) => fault === undefined
        ? log.info(`The check ${name} passes again.`)
        : log.warn(`The ${level} check ${name} fails: ${fault}.`),
    })
    const probes = createProbes({ report: () => detached(report), isDraining, lag: watch.read, maxEventLoopLag: settings.maxEventLoopLag })
    return { settings, probes, lag: watch.read }
  }

  // Created at the first probe, when all features have registered their checks.
  let opened: CurrentHealth | undefined
  healthService.provide(() => opened ??= open())
})
