/** One measured number. */
export interface Figure {
  /** What was measured, and of which contender. */
  name: string
  value: number
  /** Unit of `value`, such as `ns`, `calls/s` or `ms`; empty for a count or a ratio. */
  unit: string
}

/** A number with a target. */
export interface Check extends Figure {
  /** Whether `value` may at most or must at least be `target`. */
  bound: 'at most' | 'at least'
  target: number
  ok: boolean
}

/** What one measure found. */
export interface Outcome {
  figures: Figure[]
  checks: Check[]
  /** What a reader must know to read the numbers. */
  notes: string[]
}

/** What a measure gets. */
export interface MeasureContext {
  /** How many interleaved rounds to run. */
  rounds: number
  /** Says what is being done now. */
  progress: (text: string) => void
  /** Registers what must be closed at the end, whatever happens; the last one is closed first. */
  defer: (close: () => unknown) => void
}

/** One side-by-side comparison. */
export interface Measure {
  title: string
  /** Rounds when the command line does not say. */
  rounds: number
  run: (context: MeasureContext) => Promise<Outcome>
}

/** A number with its target, judged. */
export function check(name: string, value: number, bound: Check['bound'], target: number, unit = ''): Check {
  return { name, value, unit, bound, target, ok: bound === 'at most' ? value <= target : value >= target }
}
