import type { Label } from '../core/instruments'
import type { HistogramSeries, Metric, NumberSeries } from './registry'
import { prometheusName } from './registry'

/** Content types of the two formats of Prometheus. */
export const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** Milliseconds after which the event loop gets a turn. */
const SLICE = 4
/** Series between two looks at the clock. */
const STRIDE = 20

interface Written {
  count: number
  text: string
}

/** The text of a histogram series changes only with its count. At most of them, most series rest between two scrapes. */
const written = new WeakMap<HistogramSeries, Written>()
const prefixes = new WeakMap<NumberSeries | HistogramSeries, string>()

/**
 * Writes metrics in a format of Prometheus, in parts of a few milliseconds each, so that requests do not wait for a scrape.
 *
 * @param openMetrics writes OpenMetrics, with exemplars; without the closing `# EOF`
 */
export async function writeMetrics(
  metrics: Iterable<Metric>,
  write: (part: string) => void,
  { openMetrics = false, now = () => performance.now(), turn = nextTurn } = {},
): Promise<void> {
  let part = ''
  let started = now()
  let steps = 0
  for (const metric of metrics) {
    if (metric.all.length === 0) continue
    part += headOf(metric, openMetrics)
    const name = prometheusName(metric)
    // Series that are added during the scrape belong to the next one.
    const { length } = metric.all
    for (let index = 0; index < length; index++) {
      const series = metric.all[index]!
      part += 'counts' in series ? histogramText(name, metric, series, openMetrics) : numberText(name, metric, series)
      if (++steps % STRIDE > 0) continue
      // The part is written before the look at the clock, because the writing takes most of the time.
      write(part)
      part = ''
      if (now() - started <= SLICE) continue
      await turn()
      started = now()
    }
  }
  if (part !== '') write(part)
}

function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

function headOf(metric: Metric, openMetrics: boolean): string {
  const name = prometheusName(metric)
  const { type, help } = metric.definition
  // OpenMetrics names the family of a counter without its suffix.
  const family = openMetrics && type === 'counter' ? name.replace(/_total$/, '') : name
  return `# HELP ${family} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${family} ${type}\n`
}

function numberText(name: string, metric: Metric, series: NumberSeries): string {
  let prefix = prefixes.get(series)
  if (prefix === undefined) {
    const labels = labelsOf(metric, series.labels)
    prefix = labels === '' ? `${name} ` : `${name}{${labels}} `
    prefixes.set(series, prefix)
  }
  return `${prefix}${numberOf(series.value)}\n`
}

function histogramText(name: string, metric: Metric, series: HistogramSeries, openMetrics: boolean): string {
  if (openMetrics && series.exemplars) return bucketsOf(name, metric, series, true)
  const last = written.get(series)
  if (last?.count === series.count) return last.text
  const text = bucketsOf(name, metric, series, false)
  if (last) {
    last.count = series.count
    last.text = text
  }
  else {
    written.set(series, { count: series.count, text })
  }
  return text
}

function bucketsOf(name: string, metric: Metric, series: HistogramSeries, withExemplars: boolean): string {
  let labels = prefixes.get(series)
  if (labels === undefined) {
    labels = labelsOf(metric, series.labels)
    prefixes.set(series, labels)
  }
  const open = labels === '' ? `${name}_bucket{le="` : `${name}_bucket{${labels},le="`
  const set = labels === '' ? '' : `{${labels}}`
  const bounds = metric.definition.buckets ?? []
  // A joined string is flat. One that grows by additions would be copied piece by piece at every scrape.
  const lines: string[] = []
  let total = 0
  for (let index = 0; index <= bounds.length; index++) {
    total += series.counts[index]!
    const exemplar = withExemplars ? series.exemplars?.[index] : undefined
    const trace = exemplar ? ` # {trace_id="${exemplar.traceId}"} ${exemplar.value} ${exemplar.time.toFixed(3)}` : ''
    lines.push(open, String(bounds[index] ?? '+Inf'), '"} ', String(total), trace, '\n')
  }
  lines.push(`${name}_sum${set} ${numberOf(series.sum)}\n${name}_count${set} ${total}\n`)
  return lines.join('')
}

function labelsOf({ definition }: Metric, values: readonly Label[]): string {
  return definition.labels.flatMap((label, index) => {
    const value = values[index]
    return value === '' || value === undefined ? [] : [`${label.replaceAll(/\W/g, '_')}="${escapeLabel(String(value))}"`]
  }).join(',')
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function numberOf(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}
