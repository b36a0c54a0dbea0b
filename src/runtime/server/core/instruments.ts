import type { MetricName } from './metric-definitions'

/** The value of a label. */
export type Label = string | number

/** One series of a metric: a metric with fixed values of its labels. */
export interface Series {
  record: (value: number, traceId?: string) => void
}

/** Stores the values of one metric. `scale.metrics` attaches a recorder to each instrument. */
export interface Recorder {
  /** Returns the series of these values of the labels. A metric has at most four labels. */
  series: (a?: Label, b?: Label, c?: Label, d?: Label) => Series
}

/**
 * A metric that a feature records. Without `scale.metrics` it has no recorder, so that a call costs one comparison. No call allocates
 * memory for a series that exists.
 */
export class Instrument {
  /** Set by `scale.metrics`. */
  recorder: Recorder | undefined

  /**
   * Records a value: adds it to a counter, sets a gauge, or adds an observation to a histogram.
   *
   * @param value the amount, the new value, or the observation; durations are seconds
   */
  record(value: number, a?: Label, b?: Label, c?: Label, d?: Label): void {
    if (this.recorder !== undefined) this.recorder.series(a, b, c, d).record(value)
  }

  /** Whether values are stored. Check it before work that only prepares a value, such as reading a clock. */
  get enabled(): boolean {
    return this.recorder !== undefined
  }

  /** Returns a handle of one series, which resolves its labels only once. For code that runs very often. */
  bind(a?: Label, b?: Label, c?: Label, d?: Label): Series {
    return new BoundSeries(this, [a, b, c, d])
  }
}

class BoundSeries implements Series {
  readonly #instrument: Instrument
  readonly #labels: readonly [Label?, Label?, Label?, Label?]
  #series: Series | undefined

  constructor(instrument: Instrument, labels: readonly [Label?, Label?, Label?, Label?]) {
    this.#instrument = instrument
    this.#labels = labels
  }

  record(value: number): void {
    const { recorder } = this.#instrument
    if (recorder === undefined) return
    this.#series ??= recorder.series(...this.#labels)
    this.#series.record(value)
  }
}

const instruments = new Map<string, Instrument>()
const readers = new Set<() => void>()
let attached: ((name: string) => Recorder | undefined) | undefined

/** Returns the instrument of a metric. All callers share it, so features can call this at the top of a file. */
export function instrument(name: MetricName<'counter' | 'gauge' | 'histogram'>): Instrument {
  let found = instruments.get(name)
  if (!found) {
    found = new Instrument()
    found.recorder = attached?.(name)
    instruments.set(name, found)
  }
  return found
}

/**
 * Registers a function that sets gauges just before they are read. Values that a feature has anyway cost nothing in between.
 *
 * @returns a function that removes it
 */
export function onRead(read: () => void): () => void {
  readers.add(read)
  return () => readers.delete(read)
}

/** Calls the functions of {@link onRead}. A function that throws does not stop the others. */
export function readGauges(onFailed: (error: unknown) => void): void {
  for (const read of readers) {
    try {
      read()
    }
    catch (error) {
      onFailed(error)
    }
  }
}

/** Attaches a recorder to every instrument, also to those that are created later. `undefined` detaches them. */
export function attachRecorders(recorderOf: ((name: string) => Recorder | undefined) | undefined): void {
  attached = recorderOf
  for (const [name, found] of instruments) found.recorder = recorderOf?.(name)
}
