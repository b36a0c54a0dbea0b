import type { VitalName } from '../../app/report'
import type { Instrument } from '../core/instruments'
import { instrument } from '../core/instruments'
import type { ClientError, ClientVital } from './types'

const VITALS: Readonly<Record<VitalName, Instrument>> = {
  LCP: instrument('scale.web_vital.lcp'),
  FCP: instrument('scale.web_vital.fcp'),
  TTFB: instrument('scale.web_vital.ttfb'),
  INP: instrument('scale.web_vital.inp'),
  CLS: instrument('scale.web_vital.cls'),
}

const errors = instrument('scale.client.errors')

/** Messages that the ingest route refused, by reason. */
export const rejections = instrument('scale.ingest.rejected')

/** Adds a web vital to the metrics. */
export function recordVital({ name, value, route, navigation }: ClientVital): void {
  VITALS[name].record(value, route, navigation)
}

/** Adds an error, with its repetitions, to the metrics. */
export function recordError({ count, route, kind }: ClientError): void {
  errors.record(count, route, kind)
}
