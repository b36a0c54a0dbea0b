/**
 * `npm run bench`: measures the module side by side with what else there is, one measure after the other.
 * See docs/content/8.benchmarks.md.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { productionEnvironment } from '../test/support/environment.ts'
import { createTemporaryDirectory } from '../test/support/temporary-directory.ts'
import { bundleEngine } from './support/bundle.ts'
import { ENGINE_VARIABLE } from './support/bundle-name.ts'
import { measureNames } from './support/measures.ts'
import { createProgress } from './support/progress.ts'
import type { Report } from './support/report.ts'
import { describeMachine, formatReport, formatSummary } from './support/report.ts'
import { runMeasure } from './support/run-measure.ts'

const help = `Usage: npm run bench -- [options]

  --only <name>   Run one measure; may be given several times. One of
                  ${measureNames.join(', ')}.
  --rounds <n>    Interleaved rounds of each measure. Default: each measure's own number.
  --json          Print the reports as JSON instead of tables.
  --check         End with exit code 1 when a target is missed.
  --help          Print this.

Each report is also written to bench/results/<name>.json.`

async function main(): Promise<number> {
  const { values: options } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      json: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (options.help) {
    console.log(help)
    return 0
  }
  const unknown = options.only?.find(name => !(measureNames as readonly string[]).includes(name))
  if (unknown !== undefined) throw new Error(`--only ${unknown}: there is no such measure. Use one of ${measureNames.join(', ')}.`)
  if (options.rounds !== undefined && !/^[1-9]\d{0,2}$/.test(options.rounds)) throw new Error(`--rounds ${options.rounds}: write a whole number from 1 to 999.`)

  const results = fileURLToPath(new URL('./results', import.meta.url))
  mkdirSync(results, { recursive: true })
  const progress = createProgress(process.stderr)
  const directory = createTemporaryDirectory('bench')
  const env = productionEnvironment({ [ENGINE_VARIABLE]: await bundleEngine(directory.path) })
  const machine = await describeMachine()
  const reports: Report[] = []
  const failed: string[] = []

  for (const name of measureNames.filter(name => options.only?.includes(name) ?? true)) {
    try {
      const measured = await runMeasure(name, { rounds: Number(options.rounds ?? 0), env, progress: text => progress.show(`${name}: ${text}`) })
      const report: Report = { name, ...measured, ...machine, date: new Date().toISOString() }
      reports.push(report)
      writeFileSync(`${results}/${name}.json`, `${JSON.stringify(report, null, 2)}\n`)
      progress.clear()
      if (!options.json) console.log(formatReport(report))
    }
    catch (error) {
      progress.clear()
      failed.push(name)
      console.error(error instanceof Error ? error.message : error)
    }
  }

  if (options.json) console.log(JSON.stringify(reports, null, 2))
  else if (reports.length > 0) console.log(formatSummary(reports))
  directory.remove()
  const missed = reports.some(report => report.checks.some(check => !check.ok))
  return failed.length > 0 || (options.check && missed) ? 1 : 0
}

try {
  process.exitCode = await main()
}
catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
