import type { Nuxt } from '@nuxt/schema'
import type { ScaleConfig } from '../../config'
import { withoutCredentials } from '../../runtime/server/database/redact'
import { CliFailure } from './command'

/**
 * Loads the default export of `server/scale.config.ts` outside the server, where nothing is auto-imported.
 *
 * @param nuxtOptions the result of `loadNuxtConfig`
 * @returns an empty object if the file does not exist
 * @throws CliFailure if the file cannot be loaded
 */
export async function loadScaleConfig(nuxtOptions: Nuxt['options']): Promise<ScaleConfig> {
  const { findServerFile } = await import('../../build/virtual-modules')
  const file = findServerFile({ options: nuxtOptions }, 'scale.config')
  if (file === undefined) return {}
  const { createJiti } = await import('jiti')
  // The file must import the entries of the same nuxt-scale that runs this command.
  const own = createJiti(import.meta.url)
  const entries = Object.fromEntries(['nuxt-scale/config', 'nuxt-scale/prisma'].map(name => [name, own.esmResolve(name)]))
  const jiti = createJiti(file, { alias: { ...nuxtOptions.alias as Record<string, string>, ...entries }, fsCache: false })
  try {
    return await jiti.import<ScaleConfig | undefined>(file, { default: true }) ?? {}
  }
  catch (error) {
    throw new CliFailure(`The command line cannot load server/scale.config.ts: ${reasonOf(error)}`)
  }
}

/** Error message of a function of the app, without addresses, and with a hint if the function needs the server. */
export function reasonOf(error: unknown): string {
  const reason = withoutCredentials(error instanceof Error ? error.message.split('\n')[0]! : String(error)).replace(/\.$/, '')
  const needsServer = error instanceof ReferenceError || /#imports|#scale|nitropack/.test(reason)
  if (!needsServer) return `${reason}.`
  return `${reason}. Nothing is auto-imported outside the server: import what listTenants() uses from its file or package.`
}
