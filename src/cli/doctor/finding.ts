/** `error`: requests or data are lost now or soon. `warning`: a problem under some conditions. `ok`: checked, without a problem. */
export type Severity = 'error' | 'warning' | 'ok'

/** Result of one check. */
export interface Finding {
  severity: Severity
  /** Feature that the check belongs to, or `deployment`. */
  feature: string
  /** One sentence without secrets. */
  message: string
  /** Advice on how to fix the problem. Undefined if the severity is `ok`. */
  fix?: string
}

/** Collects the findings of one feature. */
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
