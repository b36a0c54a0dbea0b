import type { NuxtApp } from '#app/nuxt'
import { path as ingestPath, slowResource } from '#build/scale/monitoring.mjs'
import type { Router } from 'vue-router'
import type { MetricType } from 'web-vitals'
import { onCLS, onFCP, onINP, onLCP, onTTFB } from 'web-vitals'
import { useOutbox } from './outbox'
import { redactMessage } from './redact'
import { currentPattern, patternOf } from './route-pattern'

/** Most slow resources that a page reports. */
const MOST_RESOURCES = 10
/** Most page views of one page load that are remembered. */
const MOST_VIEWS = 50

/** Reports web vitals, the phases of the page load, and slow resources. */
export function startPerformanceReporter(nuxtApp: NuxtApp): void {
  const outbox = useOutbox(nuxtApp)
  const views = watchViews(nuxtApp)

  const report = (metric: MetricType) => outbox.add({
    type: 'vital',
    name: metric.name,
    value: clamp(metric.value),
    route: views.patternOfMetric(metric),
    navigation: metric.navigationType,
  })
  // One measurement for each view, where the browser knows views without a page load.
  const options = { reportSoftNavs: true }
  for (const observe of [onCLS, onFCP, onINP, onLCP, onTTFB]) observe(report as never, options)

  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  if (navigation) outbox.add({ type: 'navigation', route: views.first, ...phasesOf(navigation) })

  let resources = 0
  const observer = new PerformanceObserver((list) => {
    for (const { name, initiatorType, duration, startTime } of list.getEntries() as PerformanceResourceTiming[]) {
      if (duration < slowResource || resources >= MOST_RESOURCES || name.endsWith(ingestPath)) continue
      resources++
      outbox.add({
        type: 'resource',
        route: views.patternAt(startTime),
        initiator: initiatorType.replace(/[^a-z-]/g, '') || 'other',
        path: pathOfResource(name),
        duration: clamp(duration),
      })
    }
  })
  observer.observe({ type: 'resource', buffered: true })
}

/** Remembers which page was shown when, so that each measurement gets the pattern of its page. */
function watchViews(nuxtApp: NuxtApp) {
  const router = nuxtApp.$router as unknown as Router | undefined
  const first = currentPattern(nuxtApp)
  const views: [from: number, pattern: string][] = [[0, first]]
  router?.afterEach?.((to) => {
    views.push([performance.now(), patternOf(to)])
    if (views.length > MOST_VIEWS) views.shift()
  })

  const patternAt = (time: number) => (views.findLast(([from]) => from <= time) ?? views[0]!)[1]
  return {
    first,
    patternAt,
    patternOfMetric({ navigationType, navigationURL, entries }: MetricType): string {
      if (navigationType === 'soft-navigation' && navigationURL && router?.options) {
        const { pathname } = new URL(navigationURL, location.href)
        return patternOf(router.resolve(pathname.slice(router.options.history.base.length) || '/'))
      }
      const last = entries.at(-1)
      return patternAt(last ? last.startTime : performance.now())
    },
  }
}

function phasesOf(timing: PerformanceNavigationTiming) {
  return {
    dns: clamp(timing.domainLookupEnd - timing.domainLookupStart),
    connect: clamp(timing.connectEnd - timing.connectStart),
    request: clamp(timing.responseStart - timing.requestStart),
    response: clamp(timing.responseEnd - timing.responseStart),
    interactive: clamp(timing.domInteractive - timing.startTime),
    load: clamp(timing.loadEventEnd - timing.startTime),
  }
}

/** Path of a resource of this origin, with `*` for parts that look like ids. Other origins are not reported. */
function pathOfResource(address: string): string {
  const { origin, pathname } = new URL(address)
  if (origin !== location.origin) return ''
  return redactMessage(pathname.replace(/\/(?=[^/.]*\d)[^/.]+(?=\/|$)/g, '/*')).slice(0, 200)
}

/** Milliseconds within the bounds that the server accepts, with three digits. */
function clamp(value: number): number {
  return Math.round(Math.min(Math.max(value, 0), 3_600_000) * 1000) / 1000
}
