import type { ReportedError, ReportedEvent, ReportedNavigation, ReportedResource, ReportedVital } from '../../app/report'
import { fingerprintOf } from '../../app/fingerprint'
import type { IngestContent } from './ingest'
import type { MonitoringRing } from './ring'
import type { ClientError, ClientVital, MonitoringFunctions, ReportOrigin, ResolvedFrame } from './types'

/** Dependencies of {@link createReceiver}. */
export interface ReceiverOptions {
  ring: MonitoringRing
  functions: MonitoringFunctions
  resolve: (error: ClientError) => Promise<ResolvedFrame[]>
  /** Called for each error and each vital, before it is added to the ring. */
  observe?: { onError: (error: ClientError) => void, onVital?: (vital: ClientVital) => void }
  /** Called if a function of the app throws or rejects. */
  onFailed: (name: keyof MonitoringFunctions, error: unknown) => void
}

/** Most calls of the functions of the app that run at once. */
const MOST_CALLS = 100

/** Creates the function that stores accepted messages and passes them to the functions of the app. */
export function createReceiver(
  { ring, functions, resolve, observe, onFailed }: ReceiverOptions,
): (content: IngestContent, browser: string) => void {
  let running = 0

  /** Runs a function of the app. The response to the browser does not wait for it. */
  function forward(name: keyof MonitoringFunctions, call: () => unknown): void {
    if (running >= MOST_CALLS) return
    running++
    void Promise.resolve().then(call).catch(error => onFailed(name, error)).finally(() => running--)
  }

  function receiveError(error: ClientError): void {
    observe?.onError(error)
    ring.addError(error)
    const { onClientError } = functions
    if (onClientError) forward('onClientError', () => onClientError({ ...error, resolveStack: () => resolve(error) }))
  }

  function receiveVital(vital: ClientVital): void {
    observe?.onVital?.(vital)
    ring.addVital(vital)
    const { onVital } = functions
    if (onVital) forward('onVital', () => onVital(vital))
  }

  function receiveEvent({ type, ...event }: ReportedEvent, origin: ReportOrigin): void {
    switch (type) {
      case 'error': {
        const error = event as Omit<ReportedError, 'type'>
        return receiveError({ ...error, ...origin, fingerprint: fingerprintOf(error) })
      }
      case 'vital': {
        const vital = event as Omit<ReportedVital, 'type'>
        return receiveVital({ ...vital, value: vital.name === 'CLS' ? vital.value : vital.value / 1000, ...origin })
      }
      case 'navigation': {
        const { route, ...phases } = event as Omit<ReportedNavigation, 'type'>
        return ring.addNavigation(route, phases)
      }
      case 'resource': return ring.addResource(event as Omit<ReportedResource, 'type'>)
    }
  }

  return (content, browser) => {
    if ('reports' in content) {
      for (const error of content.reports) receiveError({ ...error, build: '', release: '', browser })
      return
    }
    const { build, release, events } = content.report
    for (const event of events) receiveEvent(event, { build, release, browser })
  }
}
