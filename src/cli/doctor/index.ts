import { createTopology } from '../../deploy/create-topology'
import { parseDuration } from '../../runtime/server/core/duration'
import type { App } from '../support/app'
import { loadApp } from '../support/app'
import { countOf, defineScaleCommand, CliFailure, exitCodes } from '../support/command'
import { runTimeOptions } from '../support/run-time-options'
import type { Terminal } from '../support/terminal'
import type { Finding, Severity } from './finding'
import type { DoctorContext } from './context'

type Examination = (context: DoctorContext) => readonly Finding[] | Promise<readonly Finding[]>

/** All examinations, by the name in the progress bar. They are imported lazily, so that other commands do not load database clients. */
const examinations: Record<string, () => Promise<Examination>> = {
  options: async () => (await import('./options')).examineOptions,
  redis: async () => (await import('./redis')).examineRedis,
  rabbitmq: async () => (await import('./rabbitmq')).examineRabbitmq,
  databases: async () => (await import('./databases')).examineDatabases,
  deployment: async () => (await import('./deployment')).examineDeployment,
}

/** The command `nuxt-scale doctor`: compares the options with the running services. */
export const doctorCommand = defineScaleCommand({
  meta: { description: 'Check the options and the running services, and print what to fix' },
  examples: ['nuxt-scale doctor', 'nuxt-scale doctor --replicas 4 --url https://shop.example', 'nuxt-scale doctor --strict --json'],
  args: {
    'replicas': {
      type: 'string',
      description: 'The number of instances (default: the most that scale.deploy allows, else 1)',
      valueHint: 'number',
    },
    'url': { type: 'string', description: 'The address of the running deployment', valueHint: 'address' },
    'balancer-keep-alive': {
      type: 'string',
      description: 'The time that the balancer keeps an idle connection to an instance',
      valueHint: 'duration',
    },
    'strict': { type: 'boolean', description: 'Exit with code 1 on warnings, too' },
  },
  async run({ args, terminal }) {
    const app = await loadApp(args.cwd)
    const keepAlive = args['balancer-keep-alive']
    const findings = await examine({
      app,
      options: runTimeOptions(app.options, app.env),
      functions: await app.loadConfig(),
      replicas: args.replicas === undefined ? mostInstances(app) : countOf(args.replicas, 'replicas'),
      url: args.url && checkUrl(args.url),
      balancerKeepAlive: keepAlive === undefined ? undefined : parseDuration(keepAlive, '--balancer-keep-alive'),
    }, terminal)
    const count = (severity: Severity) => findings.filter(finding => finding.severity === severity).length
    const counts = { errors: count('error'), warnings: count('warning'), ok: count('ok') }
    terminal.result({ ...counts, findings }, describe(findings, counts, terminal))
    return counts.errors > 0 || (args.strict && counts.warnings > 0) ? exitCodes.error : exitCodes.ok
  },
})

async function examine(context: DoctorContext, terminal: Terminal): Promise<Finding[]> {
  const names = Object.keys(examinations)
  const bar = terminal.progress('examined', names.length)
  let done = 0
  const findings = await Promise.all(names.map(async (name) => {
    const found = await (await examinations[name]!())(context)
    bar.update(++done, name)
    return found
  }))
  bar.end()
  const order: readonly Severity[] = ['error', 'warning', 'ok']
  return findings.flat().sort((one, other) => order.indexOf(one.severity) - order.indexOf(other.severity))
}

/** Most instances and workers together: both use connections. */
function mostInstances({ options, paths }: App): number {
  if (!options.deploy) return 1
  const { web, worker } = createTopology({ options, paths }).instances
  return web.max + (worker?.max ?? 0)
}

function checkUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
  throw new CliFailure(`--url is ${JSON.stringify(text)}: write an address such as https://shop.example.`)
}

const marks = { error: ['red', '✖'], warning: ['yellow', '!'], ok: ['green', '✔'] } as const

function describe(findings: readonly Finding[], { errors, warnings }: { errors: number, warnings: number }, { paint }: Terminal): string {
  const lines = findings.map(({ severity, feature, message, fix }) => {
    const [style, mark] = marks[severity]
    return `${paint(style, mark)} ${feature}: ${message}${fix ? `\n    ${paint('dim', `→ ${fix}`)}` : ''}`
  })
  const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`
  return [...lines, '', errors + warnings === 0
    ? 'No problems found.'
    : `${counted(errors, 'error')}, `
      + `${counted(warnings, 'warning')}.`].join('\n')
}
