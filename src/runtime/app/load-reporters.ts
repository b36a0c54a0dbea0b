import type { NuxtApp } from '#app/nuxt'
import { sampleRate } from '#build/scale/monitoring.mjs'

type Reporters = typeof import('#build/scale/reporters.mjs')

/** Milliseconds after which the reporters are loaded although the browser is busy. */
const LATEST = 5000

let sampled: boolean | undefined

/** Loads the reporters when the page has loaded and the browser is idle. If that fails, the page works as before. */
export function loadReporters(start: (reporters: Reporters) => void): void {
  const load = () => {
    import('#build/scale/reporters.mjs').then(start, () => {})
  }
  // Safari has no idle callback.
  const whenIdle = () => typeof requestIdleCallback === 'function' ? requestIdleCallback(load, { timeout: LATEST }) : setTimeout(load, 200)
  if (document.readyState === 'complete') whenIdle()
  else addEventListener('load', whenIdle, { once: true })
}

/** Returns whether this page load reports. All plugins get the same answer. */
export function isSampled({ payload }: Pick<NuxtApp, 'payload'>): boolean {
  const { scaleSampleRate } = payload as { scaleSampleRate?: number }
  return sampled ??= Math.random() < (scaleSampleRate ?? sampleRate)
}
