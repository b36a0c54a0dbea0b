/** `error`: requests or data are lost now or soon. `warning`: it will be a surprise one day. `ok`: looked at and right. */
export type Severity = 'error' | 'warning' | 'ok'

/** One thing that was looked at. */
export interface Finding {
  severity: Severity
  /** The part of the deployment: an option's feature, or `deployment`. */
  feature: string
  /** What is so, in one sentence without secrets. */
  message: string
  /** What to do; none where nothing is wrong. */
  fix?: string
}

/** Notes findings of one feature. */
export interface Notes {
  readonly findings: readonly Finding[]
  error: (message: string, fix: string) => void
  warn: (message: string, fix: string) => void
  ok: (message: string) => void
}

export function notesOf(feature: string): Notes {
  const findings: Finding[] = []
  return {
    findings,
    error: (message, fix) => void findings.push({ severity: 'error', feature, message, fix }),
    warn: (message, fix) => void findings.push({ severity: 'warning', feature, message, fix }),
    ok: message => void findings.push({ severity: 'ok', feature, message }),
  }
}
