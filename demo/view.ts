import { styleText } from 'node:util'
import type { Part } from './cluster.ts'
import type { Tally } from './load.ts'

/** Content of the screen. */
export interface ViewState {
  url: string
  rate: number
  seconds: number
  parts: readonly Part[]
  /** Counts of the last second. */
  now: Tally
  total: Tally
  /** Finished requests in each of the last seconds, the newest last. */
  history: readonly number[]
  /** Descriptions of events, the newest last. */
  events: readonly string[]
  columns: number
}

const bars = '▁▂▃▄▅▆▇█'

/** Renders the lines of the screen. */
export function renderView({ url, rate, seconds, parts, now, total, history, events, columns }: ViewState): string[] {
  const failed = total.failedReads + total.failedOrders
  return [
    `${styleText('bold', 'nuxt-scale demo')}  ${styleText('underline', url)}  ${rate} requests/s for ${seconds} s`,
    '',
    parts.map(({ name, running }) => styleText(running ? 'green' : 'red', `${running ? '●' : '○'} ${name}`)).join('  '),
    '',
    `requests/s  ${String(now.ended).padStart(6)}  ${sparkline(history.slice(-Math.max(0, columns - 24)))}`,
    `p50, p99    ${milliseconds(now.p50).padStart(6)}  ${milliseconds(now.p99)}`,
    `cache hits  ${percent(now.hits, now.reads).padStart(6)}  ${percent(total.hits, total.reads)} of all`,
    `orders      ${String(now.orders).padStart(6)}  ${total.orders} in all`,
    `failed      ${styleText(failed > 0 ? 'red' : 'green', `${String(now.failedReads + now.failedOrders).padStart(6)}`)}  `
    + `${total.failedReads} of ${total.reads} reads, ${total.failedOrders} of ${total.orders} orders`,
    '',
    ...events.slice(-6).map(event => styleText('dim', event.slice(0, Math.max(0, columns - 1)))),
    '',
    `Kill ${styleText('bold', 'r')} Redis  ${styleText('bold', 'b')} RabbitMQ  ${styleText('bold', 'w')} an instance   ${styleText('bold', 'q')} quit`,
  ]
}

/** Renders one line for a log. */
export function renderLine({ seconds, parts, now, total }: ViewState): string {
  const down = parts.filter(({ running }) => !running).map(({ name }) => name)
  const failed = `failed ${total.failedReads} reads, ${total.failedOrders} orders`
  const numbers = `${now.ended} requests/s  p99 ${milliseconds(now.p99)}  hits ${percent(now.hits, now.reads)}  ${failed}`
  return `${String(seconds).padStart(4)} s  ${numbers}${down.length > 0 ? `  down: ${down.join(', ')}` : ''}`
}

function sparkline(values: readonly number[]): string {
  const most = Math.max(1, ...values)
  return values.map(value => bars[Math.min(bars.length - 1, Math.floor(value / most * bars.length))]).join('')
}

function milliseconds(value: number): string {
  return Number.isNaN(value) ? '-' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${Math.round(100 * part / whole)} %`
}
