import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeUrl } from '../../runtime/server/database/redact'
import { writeFileAtomically } from '../../reshard/atomic-file'
import { CliFailure } from '../support/command'
import type { MigrationTarget } from './targets'

/** Result of the last run for one database. It contains neither addresses nor secrets. */
export interface LedgerEntry {
  status: 'ok' | 'failed'
  command: string
  /** Release that the database was migrated to: `--release`, else a hash of the migrations. */
  release: string
  /** Hash that identifies the database without its address. */
  database: string
  startedAt: string
  milliseconds: number
  exitCode: number | null
  /** Why the command failed. */
  message?: string
}

/** Results by the name of the database. */
export interface Ledger {
  version: 1
  entries: Record<string, LedgerEntry>
}

/**
 * Reads a ledger. A ledger that does not exist is empty.
 *
 * @throws CliFailure if the file cannot be read, or is not a ledger
 */
export async function readLedger(path: string): Promise<Ledger> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new CliFailure(`The ledger cannot be read: ${error.code}.`)
  })
  if (text === undefined) return { version: 1, entries: {} }
  try {
    const ledger = JSON.parse(text) as Ledger
    if (ledger.version === 1 && typeof ledger.entries === 'object') return ledger
  }
  catch {
    // Invalid JSON gets the same error as another format.
  }
  throw new CliFailure('This version cannot read the ledger file: write another one with --ledger, or move this one.')
}

export function writeLedger(path: string, ledger: Ledger): Promise<void> {
  return writeFileAtomically(path, `${JSON.stringify(ledger, null, 2)}\n`)
}

/** Whether this command has succeeded for this release under every name of the database, at the same address. */
export function hasSucceeded(
  { entries }: Ledger,
  target: MigrationTarget,
  { command, release }: { command: string, release: string },
): boolean {
  return target.names.every((name) => {
    const entry = entries[name]
    return entry?.status === 'ok' && entry.command === command && entry.release === release && entry.database === fingerprint(target)
  })
}

/** A short hash of the address and schema. It leaves out user and password, which may change while the database stays the same. */
export function fingerprint({ url, schema = '' }: MigrationTarget): string {
  return createHash('sha256').update(`${describeUrl(url)}\0${schema}`).digest('hex').slice(0, 12)
}

/** A short hash of the names and contents of `prisma/migrations`, so that a new migration is a new release. Empty without migrations. */
export async function releaseOf(rootDir: string): Promise<string> {
  const folder = join(rootDir, 'prisma/migrations')
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const paths = files.filter(file => file.isFile()).map(file => join(file.parentPath, file.name)).sort()
  if (paths.length === 0) return ''
  const hash = createHash('sha256')
  for (const path of paths) hash.update(`${path.slice(folder.length)}\0`).update(await readFile(path)).update('\0')
  return hash.digest('hex').slice(0, 12)
}
