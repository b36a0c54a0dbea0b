/**
 * `npm run demo`: runs a whole shop on this machine under load, and kills parts of it on demand.
 * See docs/content/24.demo.md.
 */
import { parseArgs } from 'node:util'
import { createProgress } from '../bench/support/progress.ts'
import type { Cluster, Victim } from './cluster.ts'
import { startCluster, victims } from './cluster.ts'
import type { Load } from './load.ts'
import { startLoad } from './load.ts'
import type { Screen } from './screen.ts'
import { openScreen } from './screen.ts'
import type { ViewState } from './view.ts'
import { renderLine, renderView } from './view.ts'

const help = `Usage: npm run demo -- [options]

Start three instances of the playground and a worker behind nginx, with their own Redis, RabbitMQ and PostgreSQL,
and send requests to them. When the demo stops, it leaves nothing behind.

  --rate <n>      Send this number of requests per second. Default: 50.
  --duration <s>  Stop after this number of seconds. Default: until Ctrl-C.
  --kill <part>   Kill redis, rabbit or web after five seconds. It restarts five seconds later. May be given several times.
  --json          Print the result as JSON, and nothing else on stdout.
  --help          Print this help.

While it runs, press r, b or w to kill Redis, RabbitMQ or an instance, and q to stop.`

/** Seconds before the first kill of --kill, and between two kills. */
const KILL_AFTER = 5
const KILL_INTERVAL = 12

const keys: Record<string, Victim> = { r: 'redis', b: 'rabbit', w: 'web' }

interface Options {
  rate: number
  duration: number
  kill: Victim[]
  json: boolean
}

async function main(options: Options): Promise<void> {
  const ended = new AbortController()
  const end = () => ended.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  const progress = createProgress(process.stderr)
  let cluster: Cluster | undefined
  let load: Load | undefined
  try {
    cluster = await startCluster(step => progress.show(step), ended.signal)
    progress.clear()
    say(`The shop is at ${cluster.url}, its instances at ${cluster.instances.slice(0, -1).join(', ')}, the worker at ${cluster.instances.at(-1)}.`)
    load = startLoad({ url: cluster.url, rate: options.rate })
    await watch(cluster, load, options, ended)
    await load.stop()
    report(load, options)
  }
  catch (error) {
    if (!ended.signal.aborted) throw error
  }
  finally {
    progress.show('stopping all programs')
    await load?.stop()
    await cluster?.stop()
    progress.clear()
  }
}

/** Draws once a second, until the duration is over or the user stops the demo. */
async function watch(cluster: Cluster, load: Load, { rate, duration, kill, json }: Options, ended: AbortController): Promise<void> {
  const events: string[] = []
  const history: number[] = []
  const pending = [...kill]
  let seconds = 0
  let screen: Screen | undefined

  function strike(victim: Victim): void {
    events.push(`${seconds} s: ${victim} is killed`)
    cluster.kill(victim).then(
      () => events.push(`${seconds} s: ${victim} runs again`),
      error => events.push(`${seconds} s: ${victim} does not restart: ${(error as Error).message.split('\n')[0]}`),
    )
  }

  if (process.stdin.isTTY && process.stdout.isTTY && !json) {
    screen = openScreen(process.stdin, process.stdout, (key) => {
      if (key === 'q' || key === '\u0003') ended.abort()
      else if (keys[key]) strike(keys[key])
    })
  }
  try {
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        seconds++
        const now = load.take()
        history.push(now.ended)
        if (history.length > 500) history.shift()
        const state: ViewState = {
          url: cluster.url,
          rate,
          seconds,
          parts: cluster.parts(),
          now,
          total: load.total,
          history,
          events: [...events, ...load.failures.map(failure => `failed: ${failure}`)],
          columns: process.stdout.columns ?? 80,
        }
        if (screen) screen.draw(renderView(state))
        else say(renderLine(state))
        if (seconds >= KILL_AFTER && (seconds - KILL_AFTER) % KILL_INTERVAL === 0 && pending.length > 0) strike(pending.shift()!)
        if (seconds >= duration) ended.abort()
      }, 1000)
      ended.signal.addEventListener('abort', () => {
        clearInterval(timer)
        resolve()
      }, { once: true })
      if (ended.signal.aborted) resolve()
    })
  }
  finally {
    screen?.close()
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

function report({ total, failures }: Load, { json }: Options): void {
  const { ended, reads, orders, hits, failedReads, failedOrders } = total
  if (json) {
    process.stdout.write(`${JSON.stringify({ requests: ended, reads, failedReads, orders, failedOrders, hits, failures }, null, 2)}\n`)
    return
  }
  const share = Math.round(100 * hits / Math.max(1, reads))
  say(`${ended} requests: ${failedReads} of ${reads} reads and ${failedOrders} of ${orders} orders failed. Caches answered ${share} % of the reads.`)
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', default: '50' },
      duration: { type: 'string', default: 'Infinity' },
      kill: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const [rate, duration] = [Number(values.rate), Number(values.duration)]
  if (!(rate >= 1 && rate <= 10_000)) throw new Error(`--rate is ${JSON.stringify(values.rate)}: write a number from 1 to 10000.`)
  if (!(duration >= 1)) throw new Error(`--duration is ${JSON.stringify(values.duration)}: write a number of seconds.`)
  const wrong = values.kill.find(name => !(victims as readonly string[]).includes(name))
  if (wrong !== undefined) throw new Error(`--kill is ${JSON.stringify(wrong)}: write ${victims.join(', ')}.`)
  return { rate, duration, kill: values.kill as Victim[], json: values.json }
}

try {
  const options = readOptions()
  if (options) await main(options)
  else process.stdout.write(`${help}\n`)
}
catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
