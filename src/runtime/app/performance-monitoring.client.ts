import { defineNuxtPlugin } from '#app/nuxt'
import { isSampled, loadReporters } from './load-reporters'

/** Starts performance monitoring when the page has loaded. The browser keeps earlier measurements until then. */
export default defineNuxtPlugin({
  name: 'scale:performance-monitoring',
  setup(nuxtApp) {
    if (isSampled(nuxtApp)) loadReporters(({ startPerformanceReporter }) => startPerformanceReporter(nuxtApp))
  },
})
