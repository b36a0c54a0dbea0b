import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import process from 'node:process'
import type { Nuxt } from '@nuxt/schema'
import type { ScaleConfig } from '../../config'
import type { ModuleOptions } from '../../options'
import { resolveOptions } from '../../options'
import { CliFailure, exitCodes } from './exit'
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
 * The options are checked as the build checks them.
 *
 * @throws CliFailure one sentence, when the folder is not an app, or its nuxt.config cannot be read
 * @throws Error one sentence that names the option that is wrong
 */
export async function loadApp(folder: string): Promise<App> {
  const rootDir = resolve(folder)
  if (!existsSync(rootDir)) throw new CliFailure(`The folder ${rootDir} does not exist: name the folder of a Nuxt app with --cwd.`)
  const nuxtOptions = await readNuxtConfig(rootDir)
  const file = nuxtOptions._nuxtConfigFile
  if (!file || !existsSync(file)) throw new CliFailure(`The folder ${rootDir} has no nuxt.config: name the folder of a Nuxt app with --cwd.`)
  const { app: { baseURL, buildAssetsDir }, scale: options = {} } = nuxtOptions
  resolveOptions(options)
  return { rootDir, options, paths: { baseURL, buildAssetsDir }, env: process.env, loadConfig: () => loadScaleConfig(nuxtOptions) }
}

async function readNuxtConfig(rootDir: string): Promise<Nuxt['options'] & { scale?: ModuleOptions }> {
  const { loadNuxtConfig } = await import('@nuxt/kit')
  try {
    return await loadNuxtConfig({ cwd: rootDir, dotenv: { cwd: rootDir } })
  }
  catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new CliFailure(`The nuxt.config of the app cannot be read: ${reason}`, exitCodes.error, { cause: error })
  }
}
