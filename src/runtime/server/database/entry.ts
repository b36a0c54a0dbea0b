import type { ClientHandle } from './handle'
import type { DatabaseSpec } from './types'

/**
 * One client of the registry with its place in the budget.
 *
 * `reserved` (a pinned place without a client yet) → `making` → `open` → `ending`. A failed factory goes from `making`
 * back to nothing, or to `reserved` when the place is pinned.
 */
export interface ClientEntry<Client> {
  readonly key: string
  readonly spec: DatabaseSpec
  /** What may be shown of it. */
  readonly label: string
  /** Its place is its own for the life of the process, and it is never evicted. */
  readonly pinned: boolean
  state: 'reserved' | 'making' | 'open' | 'ending'
  /** It takes no new leases and ends when the last one is released. */
  leaving: boolean
  leases: number
  /** When it was made; orders the clients that are busy. */
  openedAt: number
  /** When its last lease ended; orders the clients that are idle. */
  usedAt: number
  /** Settles when the factory has; only while `making`. */
  ready: Promise<void> | undefined
  /** The real client. */
  raw: Client | undefined
  handle: ClientHandle<Client> | undefined
  idleTimer: unknown
}

/** Identity of a client: what decides which connections it opens. */
export function keyOf({ url, schema = '', role = 'writer' }: DatabaseSpec): string {
  return JSON.stringify([url, schema, role])
}

export function createEntry<Client>(spec: DatabaseSpec, label: string, pinned: boolean): ClientEntry<Client> {
  return {
    key: keyOf(spec),
    spec,
    label,
    pinned,
    state: 'reserved',
    leaving: false,
    leases: 0,
    openedAt: 0,
    usedAt: 0,
    ready: undefined,
    raw: undefined,
    handle: undefined,
    idleTimer: undefined,
  }
}

/** The entry of which `time` is the earliest, among those that `fits` accepts. */
export function earliest<Client>(
  entries: Iterable<ClientEntry<Client>>,
  time: 'openedAt' | 'usedAt',
  fits: (entry: ClientEntry<Client>) => boolean,
): ClientEntry<Client> | undefined {
  let found: ClientEntry<Client> | undefined
  for (const entry of entries) {
    if (!entry.pinned && fits(entry) && (!found || entry[time] < found[time])) found = entry
  }
  return found
}
