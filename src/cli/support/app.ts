import { resolve } from 'node:path'
import process from 'node:process'
import type { Nuxt } from '@nuxt/schema'
import type { ScaleConfig } from '../../config'
import type { ModuleOptions } from '../../options'
import { CliFailure } from './exit'
import { loadScaleConfig } from './scale-config'

/** The options that name databases and queues. */
export type AppOptions = Pick<ModuleOptions, 'tenancy' | 'database' | 'shards' | 'rabbitmq'>

/** The app whose databases a command works on. */
export interface App {
  /** Absolute path of its folder. */
  rootDir: string
  /** The `scale:` block of its nuxt.config; empty when there is none. */
  options: ModuleOptions
  /** Where it is under its domain, and where its build files are. */
  paths: { baseURL: string, buildAssetsDir: string }
  /** The environment, with what `.env` adds to it. */
  env: NodeJS.ProcessEnv
  /** The functions of `server/scale.config.ts`. */
  loadConfig: () => Promise<ScaleConfig>
}

/**
 * Reads nuxt.config and `.env` of an app. What the environment says comes before `.env`, as everywhere in Nuxt.
 *
 * @throws CliFailure one sentence, when nuxt.config cannot be read
 */
export async function loadApp(folder: string): Promise<App> {
  const rootDir = resolve(folder)
  const { loadNuxtConfig } = await import('@nuxt/kit')
  try {
    const nuxtOptions = await loadNuxtConfig({ cwd: rootDir, dotenv: { cwd: rootDir } }) as Nuxt['options'] & { scale?: ModuleOptions }
    const { baseURL, buildAssetsDir } = nuxtOptions.app
    return { rootDir, options: nuxtOptions.scale ?? {}, paths: { baseURL, buildAssetsDir }, env: process.env, loadConfig: () => loadScaleConfig(nuxtOptions) }
  }
  catch (error) {
    throw new CliFailure(`The nuxt.config of the app cannot be read: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
  }
}
