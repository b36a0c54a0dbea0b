import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { requireBinary } from '../../test/support/binaries.ts'
import type { Measured } from './run-measure.ts'
import type { Check } from './types.ts'

const libraries = ['ioredis', 'lru-cache', 'nuxt', 'nitropack', 'unstorage', 'bentocache', 'cacheable', 'hashring', 'consistent-hash', 'rate-limiter-flexible', 'amqplib', 'rabbitmq-client', 'amqp-connection-manager']

/** Where a report was measured. */
export interface Machine {
  node: string
  redis: string
  libraries: Record<string, string>
  cpu: string
  cores: number
}

/** What is written to `bench/results`. */
export interface Report extends Measured, Machine {
  name: string
  /** When it was measured, ISO 8601. */
  date: string
}

/** Version of an installed library. `bench/` has its own libraries; the others are those of the module. */
async function versionOf(name: string): Promise<string> {
  const files = ['../node_modules', '../../node_modules'].map(folder => new URL(`${folder}/${name}/package.json`, import.meta.url))
  const file = files.find(file => existsSync(file)) ?? files[1]!
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version
}

/** Versions and processor: what a reader needs to compare two reports. */
export async function describeMachine(): Promise<Machine> {
  const { stdout } = await promisify(execFile)(requireBinary('redis-server'), ['--version'])
  const versions = await Promise.all(libraries.map(async (name) => {
    return [name, await versionOf(name)] as const
  }))
  return {
    node: process.version,
    redis: /v=(\S+)/.exec(stdout)?.[1] ?? 'unknown',
    libraries: Object.fromEntries(versions),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
  }
}

/** A report as a table for the terminal. */
export function formatReport({ name, title, rounds, figures, checks, notes }: Report): string {
  const rows = figures.map(figure => [figure.name, formatNumber(figure.value), figure.unit])
  return [
    '',
    `${name}: ${title} (${rounds} round${rounds === 1 ? '' : 's'})`,
    ...align(rows).map(row => `  ${row}`),
    ...align(checks.map(check => ['', ...describeCheck(check)])).map(row => `  ${row}`),
    ...notes.map(note => `  ${note}`),
  ].join('\n')
}

/** All targets in one table. */
export function formatSummary(reports: Report[]): string {
  const rows = reports.flatMap(({ name, checks }) => checks.map(check => [name, ...describeCheck(check)]))
  const missed = reports.flatMap(({ checks }) => checks).filter(check => !check.ok).length
  return ['', ...align(rows), '', `${rows.length - missed} of ${rows.length} targets met.`].join('\n')
}

function describeCheck({ name, value, unit, bound, target, ok }: Check): string[] {
  return [name, formatNumber(value), unit, `${bound === 'at most' ? '≤' : '≥'} ${formatNumber(target)}`, ok ? 'ok' : 'MISS']
}

function formatNumber(value: number): string {
  const digits = Number.isInteger(value) || Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** Pads columns to one width; numbers to the right. */
function align(rows: string[][]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column]!.length))) ?? []
  return rows.map(row => row.map((cell, column) => /^[-\d.,]+$|^NaN$/.test(cell) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)).join('  ').trimEnd())
}
