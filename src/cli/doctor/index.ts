import { createTopology } from '../../deploy/create-topology'
import { parseDuration } from '../../runtime/server/core/duration'
import type { App } from '../support/app'
import { loadApp } from '../support/app'
import { countOf, defineScaleCommand } from '../support/command'
import { CliFailure, exitCodes } from '../support/exit'
import { runTimeOptions } from '../support/run-time-options'
import type { Terminal } from '../support/terminal'
import type { Finding, Severity } from './finding'
import type { Patient } from './patient'

type Examination = (patient: Patient) => readonly Finding[] | Promise<readonly Finding[]>

/** Everything that can be looked at, by the name that the progress bar shows. Clients are loaded only by the command that uses them. */
const examinations: Record<string, () => Promise<Examination>> = {
  options: async () => (await import('./options')).examineOptions,
  redis: async () => (await import('./redis')).examineRedis,
  rabbitmq: async () => (await import('./rabbitmq')).examineRabbitmq,
  databases: async () => (await import('./databases')).examineDatabases,
  deployment: async () => (await import('./deployment')).examineDeployment,
}

/** `doctor`: what the options and the services that run say about each other. */
export const doctorCommand = defineScaleCommand({
  meta: { description: 'Examine the options and the running services, and say what to mend' },
  examples: ['nuxt-scale doctor', 'nuxt-scale doctor --replicas 4 --url https://shop.example', 'nuxt-scale doctor --strict --json'],
  args: {
    'replicas': { type: 'string', description: 'Instances that run side by side (default: the most that scale.deploy allows, else 1)', valueHint: 'number' },
    'url': { type: 'string', description: 'The address of the running deployment', valueHint: 'address' },
    'balancer-keep-alive': { type: 'string', description: 'How long the balancer keeps an idle connection to an instance', valueHint: 'duration' },
    'strict': { type: 'boolean', description: 'Fail on warnings too' },
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

async function examine(patient: Patient, terminal: Terminal): Promise<Finding[]> {
  const names = Object.keys(examinations)
  const bar = terminal.progress('examined', names.length)
  let done = 0
  const findings = await Promise.all(names.map(async (name) => {
    const found = await (await examinations[name]!())(patient)
    bar.update(++done, name)
    return found
  }))
  bar.end()
  const order: readonly Severity[] = ['error', 'warning', 'ok']
  return findings.flat().sort((one, other) => order.indexOf(one.severity) - order.indexOf(other.severity))
}

/** Instances and workers alike hold connections. */
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
  return [...lines, '', errors + warnings === 0 ? 'Nothing to mend.' : `${counted(errors, 'error')}, ${counted(warnings, 'warning')}.`].join('\n')
}
