/** `error`: requests or data are lost now or soon. `warning`: it will be a surprise one day. `ok`: looked at and right. */
export type Severity = 'error' | 'warning' | 'ok'

/** One thing that was looked at. */
export interface Finding {
  severity: Severity
  /** The part of the deployment: an option's room, or `deployment`. */
  room: string
  /** What is so, in one sentence without secrets. */
  message: string
  /** What to do; none where nothing is wrong. */
  fix?: string
}

/** Notes findings of one room. */
export interface Notes {
  readonly findings: readonly Finding[]
  error: (message: string, fix: string) => void
  warn: (message: string, fix: string) => void
  ok: (message: string) => void
}

export function notesOf(room: string): Notes {
  const findings: Finding[] = []
  return {
    findings,
    error: (message, fix) => void findings.push({ severity: 'error', room, message, fix }),
    warn: (message, fix) => void findings.push({ severity: 'warning', room, message, fix }),
    ok: message => void findings.push({ severity: 'ok', room, message }),
  }
}
