import { relative, resolve } from 'node:path'
import { parseDuration } from '../../runtime/server/core/duration'
import { loadApp } from '../support/app'
import { countOf, defineScaleCommand, listOf, exitCodes } from '../support/command'
import { onInterrupt } from '../support/interrupt'
import { renderTable } from '../support/terminal'
import { readLedger, releaseOf, writeLedger } from './ledger'
import type { MigrationOutcome } from './migrate'
import { exitCodeOf, migrateAll } from './migrate'
import { runCommandLine } from './run-command'
import { collectTargets } from './targets'

const DEFAULT_LEDGER = '.data/nuxt-scale/migrate.json'

/** The command `nuxt-scale migrate`. */
export const migrateCommand = defineScaleCommand({
  meta: { description: 'Run a migration command for every database of the app' },
  examples: [
    'nuxt-scale migrate --all',
    'nuxt-scale migrate --all --concurrency 8 --canary 2 --timeout 30m',
    'nuxt-scale migrate --all --resume',
    'nuxt-scale migrate --tenant acme,globex --command "node migrate.mjs"',
    'nuxt-scale migrate --shard eu --json',
  ],
  args: {
    'all': {
      type: 'boolean',
      description: 'Migrate the default database, all tenants (scale.tenancy.map, and listTenants() in '
        + 'server/scale.config.ts) and all shards',
    },
    'tenant': { type: 'string', description: 'Migrate these tenants, separated by commas', valueHint: 'tenants' },
    'shard': { type: 'string', description: 'Migrate these shards, separated by commas', valueHint: 'shards' },
    'command': {
      type: 'string',
      description: 'The command to run for each database; it reads the address from the environment',
      valueHint: 'command',
      default: 'prisma migrate deploy',
    },
    'url-variable': {
      type: 'string',
      description: 'The environment variable with the address for the command',
      valueHint: 'name',
      default: 'DATABASE_URL',
    },
    'concurrency': { type: 'string', description: 'Number of databases to migrate at the same time', valueHint: 'number', default: '4' },
    'canary': {
      type: 'string',
      description: 'Number of databases to migrate first; if one of them fails, the others are not migrated',
      valueHint: 'number',
      default: '1',
    },
    'timeout': { type: 'string', description: 'Maximum time for one database', valueHint: 'duration', default: '10m' },
    'resume': { type: 'boolean', description: 'Skip databases where this command has succeeded for this release' },
    'release': {
      type: 'string',
      description: 'The release that the databases are migrated to (default: a hash of prisma/migrations)',
      valueHint: 'name',
    },
    'ledger': { type: 'string', description: 'The file that records the result for each '
      + 'database', valueHint: 'file', default: DEFAULT_LEDGER },
  },
  async run({ args, terminal }) {
    const concurrency = countOf(args.concurrency, 'concurrency')
    const canary = countOf(args.canary, 'canary', 0)
    const timeout = parseDuration(args.timeout, '--timeout')
    const app = await loadApp(args.cwd)
    const { rootDir, env } = app
    const targets = await collectTargets(app, { all: args.all ?? false, tenants: listOf(args.tenant), shards: listOf(args.shard) })
    const release = args.release ?? await releaseOf(rootDir)
    const path = resolve(rootDir, args.ledger)
    const bar = terminal.progress('migrate', targets.length)
    const interrupt = onInterrupt(() => terminal.log.warn('Interrupted: running commands are stopped.'))
    try {
      const outcomes = await migrateAll(targets, await readLedger(path), {
        command: args.command,
        release,
        concurrency,
        canary,
        resume: args.resume ?? false,
        signal: interrupt.signal,
        run: ({ url, names }) => runCommandLine({
          command: args.command,
          cwd: rootDir,
          env: { ...env, [args['url-variable']]: url, NUXT_SCALE_TARGET: names[0] },
          url,
          timeout,
          signal: interrupt.signal,
        }),
        save: ledger => writeLedger(path, ledger),
        onProgress(done, { names }, { ok, message, output }) {
          bar.update(done, names[0])
          if (!ok) terminal.log.error(`${names.join(', ')} ${message}.${output && `\n${output}`}`)
        },
      })
      bar.end()
      const exitCode = exitCodeOf(outcomes)
      terminal.result({ command: args.command, release, ledger: relative(rootDir, path), outcomes }, describe(outcomes))
      if (exitCode !== exitCodes.ok) terminal.log.info('Fix the cause, then run the command again with --resume, '
        + 'which skips the databases that succeeded.')
      return exitCode
    }
    finally {
      bar.end()
      interrupt.close()
    }
  },
})

function describe(outcomes: readonly MigrationOutcome[]): string {
  const count = (status: MigrationOutcome['status']) => outcomes.filter(outcome => outcome.status === status).length
  const rows = outcomes.map(({ names, status, milliseconds, message }) => [names.join(', '), status, milliseconds ?? '', message ?? ''])
  const table = renderTable(['database', 'status', 'ms', 'error'], rows)
  return `${table}\n\n${count('ok')} ok, ${count('failed')} failed, ${count('done')} skipped because done before, `
    + `${count('not-run')} not run`
}
