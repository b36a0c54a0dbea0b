import { defineNuxtPlugin } from '#app/nuxt'
import type { CaughtError } from './error-reporter'
import { isSampled, loadReporters } from './load-reporters'
import type { ClientErrorKind } from './report'
import { currentPattern } from './route-pattern'

/** Most errors that are kept until the reporter is loaded. */
const MOST_EARLY = 20

/** Catches errors from the start, and loads the reporter when the page has loaded. */
export default defineNuxtPlugin({
  name: 'scale:error-tracking',
  enforce: 'pre',
  setup(nuxtApp) {
    if (!isSampled(nuxtApp)) return
    const early: CaughtError[] = []
    let report = (caught: CaughtError): void => {
      if (early.length < MOST_EARLY) early.push(caught)
    }
    const capture = (kind: ClientErrorKind, error: unknown, component?: object | null) =>
      report({ kind, error, component, route: currentPattern(nuxtApp) })

    addEventListener('error', event => capture('error', event.error ?? event.message))
    addEventListener('unhandledrejection', event => capture('rejection', event.reason))
    nuxtApp.hook('vue:error', (error, component) => capture('vue', error, component))
    nuxtApp.hook('app:error', error => capture('vue', error))
    nuxtApp.hook('app:chunkError', ({ error }) => capture('chunk', error))

    loadReporters(({ createErrorReporter }) => {
      report = createErrorReporter(nuxtApp)
      early.splice(0).forEach(report)
    })
  },
})
