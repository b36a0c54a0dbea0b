import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeUrl } from '../../runtime/server/database/redact'
import { writeFileAtomically } from '../../reshard/atomic-file'
import { CliFailure } from '../support/exit'
import type { MigrationTarget } from './targets'

/** How the last run for a database ended. Holds no address and no secret. */
export interface LedgerEntry {
  status: 'ok' | 'failed'
  command: string
  /** What was migrated to: `--release`, else a fingerprint of the migrations. */
  release: string
  /** Tells the databases apart without saying where they are. */
  database: string
  startedAt: string
  milliseconds: number
  exitCode: number | null
  /** Why it failed. */
  message?: string
}

/** What ran where, by the name of the database. */
export interface Ledger {
  version: 1
  entries: Record<string, LedgerEntry>
}

/**
 * Reads a ledger; one that is not there is empty.
 *
 * @throws CliFailure when the file is none
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
    // Answered below.
  }
  throw new CliFailure('The ledger is no ledger of this version: name another file with --ledger, or move this one away.')
}

export function writeLedger(path: string, ledger: Ledger): Promise<void> {
  return writeFileAtomically(path, `${JSON.stringify(ledger, null, 2)}\n`)
}

/** Whether every name of a database has succeeded with this command and release, in this very database. */
export function hasSucceeded({ entries }: Ledger, target: MigrationTarget, { command, release }: { command: string, release: string }): boolean {
  return target.names.every((name) => {
    const entry = entries[name]
    return entry?.status === 'ok' && entry.command === command && entry.release === release && entry.database === fingerprint(target)
  })
}

/** A short hash of an address without its user and password: who asks may change, the database may not. */
export function fingerprint({ url, schema = '' }: MigrationTarget): string {
  return createHash('sha256').update(`${describeUrl(url)}\0${schema}`).digest('hex').slice(0, 12)
}

/** A short hash of the names and texts of `prisma/migrations`; empty without them. A new migration is a new release. */
export async function releaseOf(rootDir: string): Promise<string> {
  const folder = join(rootDir, 'prisma/migrations')
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const paths = files.filter(file => file.isFile()).map(file => join(file.parentPath, file.name)).sort()
  if (paths.length === 0) return ''
  const hash = createHash('sha256')
  for (const path of paths) hash.update(`${path.slice(folder.length)}\0`).update(await readFile(path)).update('\0')
  return hash.digest('hex').slice(0, 12)
}
