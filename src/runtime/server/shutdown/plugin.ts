import { setTimeout } from 'node:timers/promises'
import { useFeatureConfig, useScaleConfig } from '../core/scale-config'
import { closingLimits, endBy } from '../core/closing'
import { setDraining } from '../core/draining'
import { createLog } from '../core/log'
import { defineNitroPlugin } from '../nitro'
import { parseRole } from '../core/instance'
import { checkBudget } from './budget'
import { watchConnections } from './connections'
import { createDrain } from './drain'
import { NITRO_SHUTDOWN, takeNitroShutdown } from './nitro-shutdown'
import type { ShutdownModuleOptions } from './settings'
import { shutdownSettings } from './settings'

/** Shuts the instance down without losing requests. Only builds for Nitro's node-server include this plugin, after all others. */
export default defineNitroPlugin((nitroApp) => {
  const scale = useScaleConfig()
  const given = shutdownSettings.resolve(useFeatureConfig<ShutdownModuleOptions>('shutdown'))
  const role = parseRole(scale.role)
  const settings = role === 'worker' ? { ...given, drainDelay: 0 } : given
  const log = createLog('shutdown')
  const exceeded = checkBudget(settings, closingLimits())
  if (exceeded) log.warn(`${exceeded.problem}: ${exceeded.fix}.`)

  const connections = watchConnections(nitroApp.h3App, settings.keepAliveTimeout)
  const taken = takeNitroShutdown(process.env, settings.gracePeriod)
  if (!taken) {
    log.info('NITRO_SHUTDOWN_DISABLED is set, so nuxt-scale does not handle signals and does not drain requests.')
    return
  }
  const onSignal = createDrain({
    settings,
    connections,
    log,
    begin(deadline) {
      setDraining(true)
      endBy(deadline)
    },
    close: () => process.emit(NITRO_SHUTDOWN as never),
    mayExit: taken.mayExit,
    exit: code => process.exit(code),
    wait: setTimeout,
  })
  for (const signal of taken.signals) process.on(signal, onSignal)
})
