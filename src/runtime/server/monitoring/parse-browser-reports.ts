import { fingerprintOf } from '../../app/fingerprint'
import { redactMessage } from '../../app/redact'
import { MOST_EVENTS } from '../../app/report'
import type { ClientError } from './types'

/** Types of reports that are kept, each with the field of its body that says what happened. */
const TYPES: Record<string, string> = {
  'crash': 'reason',
  'deprecation': 'id',
  'intervention': 'id',
  'csp-violation': 'effectiveDirective',
  'permissions-policy-violation': 'featureId',
}

/**
 * Parses reports of the Reporting API (`application/reports+json`). Reports of other types are ignored. They know only the address of the
 * page, which may contain ids, so their route is `_other`.
 *
 * @returns undefined if the body is not a list of reports
 * @see https://www.w3.org/TR/reporting-1/
 */
export function parseBrowserReports(body: unknown): Omit<ClientError, 'build' | 'release' | 'browser'>[] | undefined {
  if (!Array.isArray(body) || body.length > MOST_EVENTS) return undefined
  const found: Omit<ClientError, 'build' | 'release' | 'browser'>[] = []
  for (const report of body as unknown[]) {
    if (typeof report !== 'object' || report === null) return undefined
    const { type, body: details } = report as { type?: unknown, body?: unknown }
    if (typeof type !== 'string' || typeof details !== 'object') return undefined
    if (!Object.hasOwn(TYPES, type)) continue
    const detail = (details as Record<string, unknown> | null)?.[TYPES[type]!]
    const subject = { kind: 'report' as const, name: type, message: typeof detail === 'string' ? plain(detail) : '', frames: [] }
    found.push({ ...subject, route: '_other', component: '', count: 1, fingerprint: fingerprintOf(subject) })
  }
  return found
}

function plain(detail: string): string {
  return redactMessage(detail.slice(0, 200).replace(/[^\x20-\x7E]/g, ' '))
}
