import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { addPlugin, addTemplate, useLogger } from '@nuxt/kit'
import type { Nuxt } from '@nuxt/schema'
import { defu } from 'defu'
import { monitoringSettings } from '../runtime/server/monitoring/settings'
import { keepClientMaps } from './client-maps'
import type { FeatureContext } from './feature'
import { addModuleRoutes } from './module-routes'
import { providePageRoutes, provideScaleConfig, readAppPackage } from './virtual-modules'

/** Adds the client plugins of error tracking and performance monitoring, and their ingest route. */
export function setupMonitoring(context: FeatureContext): void {
  const { nuxt, options, runtime } = context
  if (!options.monitoring) return
  const settings = monitoringSettings.resolve(options.monitoring)
  const { path, errors, vitals } = settings
  provideScaleConfig(context)
  providePageRoutes(context)
  addModuleRoutes(context, { option: 'scale.monitoring.path', path, handlers: [{ route: path, handler: runtime('monitoring/handler') }] })
  nuxt.options.routeRules = defu({ [path]: { cache: false as const } }, nuxt.options.routeRules)

  const { slowResource, sampleRate } = settings
  const release = settings.release || releaseOf(readAppPackage(nuxt).version)
  addTemplate({
    filename: 'scale/monitoring.mjs',
    getContents: () => Object.entries({ path, release, slowResource, sampleRate })
      .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)}\n`).join(''),
  })
  const app = (file: string) => runtime(join('../app', file))
  // One file for both, which the browser loads late.
  addTemplate({
    filename: 'scale/reporters.mjs',
    getContents: () => [
      errors ? `export { createErrorReporter } from ${JSON.stringify(app('error-reporter'))}\n` : '',
      vitals ? `export { startPerformanceReporter } from ${JSON.stringify(app('performance-reporter'))}\n` : '',
    ].join(''),
  })
  // Nuxt would prefetch it for pages that do not report, too.
  nuxt.hook('build:manifest', (manifest) => {
    for (const [key, file] of Object.entries(manifest)) {
      if (/scale(?:\/|%2F)reporters\.mjs$/.test(key)) file.prefetch = false
    }
  })
  if (errors) {
    addPlugin({ src: app('error-tracking.client'), mode: 'client' })
    keepClientMaps(nuxt)
  }
  if (vitals) addPlugin({ src: app('performance-monitoring.client'), mode: 'client' })
  if (errors || vitals) addPlugin({ src: app('monitoring.server'), mode: 'server' })
}

/** Plugins that the guides name, without their files. The client plugins of this feature do their work. */
const NAMED_PLUGINS = ['error-tracking.client', 'performance-monitoring.client']

/**
 * Handles `plugins: ['~/plugins/error-tracking.client.ts', …]` in nuxt.config without such files, which would stop the build. If
 * `scale.monitoring` is on, it removes these entries. Otherwise it prints which option to add.
 */
export function replaceNamedPlugins(nuxt: Nuxt, isOn: boolean): void {
  let isPrinted = false
  nuxt.hook('app:resolve', (app) => {
    const missing = app.plugins.filter(({ src }) => isNamed(src) && !isFile(src))
    if (missing.length === 0) return
    if (isOn) app.plugins = app.plugins.filter(plugin => !missing.includes(plugin))
    if (!isPrinted) useLogger('nuxt-scale').warn(describeMissing(missing.map(({ src }) => relative(nuxt.options.rootDir, src)), isOn))
    isPrinted = true
  })
}

function isNamed(src: string): boolean {
  return NAMED_PLUGINS.some(name => src.replace(/\.[cm]?[jt]s$/, '').endsWith(`/plugins/${name}`))
}

function describeMissing(files: readonly string[], isOn: boolean): string {
  return `The plugins of nuxt.config ${files.join(' and ')} do not exist. ` + (isOn
    ? 'scale.monitoring does their work: remove them from nuxt.config.'
    : 'Add monitoring: {} to the scale block, which tracks errors and measures performance.')
}

function isFile(path: string): boolean {
  return ['', '.ts', '.js', '.mjs', '.mts'].some(extension => existsSync(path + extension))
}

function releaseOf(version = ''): string {
  return version.replace(/[^\w.+/@-]/g, '').slice(0, 100)
}
