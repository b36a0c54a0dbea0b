import { constants, monitorEventLoopDelay, performance, PerformanceObserver } from 'node:perf_hooks'
import { instrument, onRead } from '../core/instruments'
import { isDraining } from '../core/draining'

const GC_TYPES: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
}

/** Milliseconds between two measurements of the event loop delay. */
const RESOLUTION = 10
const NANOSECONDS = 1e9

/**
 * Measures the event loop, garbage collection, memory and processor time of the process.
 *
 * @returns a function that stops it
 */
export function measureProcess(): () => void {
  const gc = instrument('v8js.gc.duration')
  const observer = new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries() as (PerformanceEntry & { detail: { kind: number } })[]) {
      gc.record(duration / 1000, GC_TYPES[detail.kind] ?? 'other')
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION })
  delay.enable()
  let utilization = performance.eventLoopUtilization()
  let processorTime = 0
  instrument('process.start_time').record(Math.round(performance.timeOrigin) / 1000)

  const stop = onRead(() => {
    // The measurements contain the interval itself.
    const seconds = (nanoseconds: number) => Math.max(0, (Number.isFinite(nanoseconds) ? nanoseconds / NANOSECONDS : 0) - RESOLUTION / 1000)
    instrument('nodejs.eventloop.delay.p50').record(seconds(delay.percentile(50)))
    instrument('nodejs.eventloop.delay.p99').record(seconds(delay.percentile(99)))
    instrument('nodejs.eventloop.delay.max').record(seconds(delay.max))
    delay.reset()
    const now = performance.eventLoopUtilization()
    instrument('nodejs.eventloop.utilization').record(performance.eventLoopUtilization(now, utilization).utilization)
    utilization = now
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
    instrument('v8js.memory.heap.used').record(heapUsed)
    instrument('v8js.memory.heap.total').record(heapTotal)
    instrument('nodejs.memory.external').record(external)
    instrument('process.memory.usage').record(rss)
    const { user, system } = process.cpuUsage()
    const total = (user + system) / 1e6
    instrument('process.cpu.time').record(total - processorTime)
    processorTime = total
    instrument('scale.draining').record(isDraining() ? 1 : 0)
  })
  return () => {
    stop()
    observer.disconnect()
    delay.disable()
  }
}
