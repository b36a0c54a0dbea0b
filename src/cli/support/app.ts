import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import process from 'node:process'
import type { Nuxt } from '@nuxt/schema'
import type { ScaleConfig } from '../../config'
import type { ModuleOptions } from '../../options'
import { resolveOptions } from '../../options'
import { CliFailure, exitCodes } from './command'
import { loadScaleConfig } from './scale-config'

/** Options that contain databases and queues. */
export type AppOptions = Pick<ModuleOptions, 'tenancy' | 'database' | 'shards' | 'rabbitmq'>

/** The app that a command works on. */
export interface App {
  /** Absolute path of the folder of the app. */
  rootDir: string
  /** The `scale` block of nuxt.config; empty if there is none. */
  options: ModuleOptions
  /** Base path of the app, and folder of its build files. */
  paths: { baseURL: string, buildAssetsDir: string }
  /** Environment variables, including those of `.env`. */
  env: NodeJS.ProcessEnv
  /** Loads the functions of `server/scale.config.ts`. */
  loadConfig: () => Promise<ScaleConfig>
}

/**
 * Reads the nuxt.config and `.env` of an app, and validates the options as the build does.
 * Environment variables override `.env`, as everywhere in Nuxt.
 *
 * @throws CliFailure if the folder does not contain an app, or its nuxt.config cannot be read
 * @throws Error with one sentence that names the wrong option
 */
export async function loadApp(folder: string): Promise<App> {
  const rootDir = resolve(folder)
  if (!existsSync(rootDir)) throw new CliFailure(`The folder ${rootDir} does not exist: write the folder of a Nuxt app with --cwd.`)
  const nuxtOptions = await readNuxtConfig(rootDir)
  const file = nuxtOptions._nuxtConfigFile
  if (!file || !existsSync(file)) {
    throw new CliFailure(`The folder ${rootDir} has no nuxt.config: write the folder of a Nuxt app with --cwd.`)
  }
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
