import type { Nuxt } from '@nuxt/schema'
import type { ScaleConfig } from '../../config'
import { withoutCredentials } from '../../runtime/server/database/redact'
import { CliFailure } from './exit'

/**
 * The default export of `server/scale.config.ts`, read outside the server: nothing is auto-imported there.
 *
 * @param nuxtOptions what `loadNuxtConfig` returned
 * @returns an empty one when there is no such file
 * @throws CliFailure when the file cannot be loaded
 */
export async function loadScaleConfig(nuxtOptions: Nuxt['options']): Promise<ScaleConfig> {
  const { findServerFile } = await import('../../build/user-file')
  const file = findServerFile({ options: nuxtOptions }, 'scale.config')
  if (file === undefined) return {}
  const { createJiti } = await import('jiti')
  // The entries are the ones of this very package, wherever the app has it.
  const own = createJiti(import.meta.url)
  const entries = Object.fromEntries(['nuxt-scale/config', 'nuxt-scale/prisma'].map(name => [name, own.esmResolve(name)]))
  const jiti = createJiti(file, { alias: { ...nuxtOptions.alias as Record<string, string>, ...entries }, fsCache: false })
  try {
    return await jiti.import<ScaleConfig | undefined>(file, { default: true }) ?? {}
  }
  catch (error) {
    throw new CliFailure(`server/scale.config.ts cannot be loaded by the command line: ${reasonOf(error)}`)
  }
}

/** What a function of the user's said when it failed, without addresses, and with a hint where it needs the server. */
export function reasonOf(error: unknown): string {
  const reason = withoutCredentials(error instanceof Error ? error.message.split('\n')[0]! : String(error)).replace(/\.$/, '')
  const needsServer = error instanceof ReferenceError || /#imports|#scale|nitropack/.test(reason)
  return `${reason}.${needsServer ? ' Nothing is auto-imported outside the server: import what listTenants() uses from its file or package.' : ''}`
}
