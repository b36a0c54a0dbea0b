import { defineNitroPlugin, useRuntimeConfig } from '../nitro'
import type { HealthModuleOptions } from './settings'
import { resolveHealthSettings } from './settings'

/** Looks at the settings when the server starts, so that a wrong one stops the boot and not the first probe. */
export default defineNitroPlugin(() => {
  resolveHealthSettings(useRuntimeConfig().scale.health as HealthModuleOptions)
})
