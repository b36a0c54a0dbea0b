import type { ClientHandle } from './handle'
import type { DatabaseSpec } from './types'

/**
 * One client of the registry with its reserved connections.
 *
 * States: `reserved` (no client yet) → `making` → `open` → `ending`. If the factory fails, a pinned entry returns to `reserved`,
 * and any other entry is removed.
 */
export interface ClientEntry<Client> {
  readonly key: string
  readonly spec: DatabaseSpec
  /** Name and address without credentials, for logs and errors. */
  readonly label: string
  /** Whether its connections are reserved for the life of the process. A pinned client is never evicted. */
  readonly pinned: boolean
  state: 'reserved' | 'making' | 'open' | 'ending'
  /** Whether it accepts no new leases. It is closed when the last lease is released. */
  leaving: boolean
  leases: number
  /** When it was created. Among busy clients, the oldest is closed first. */
  openedAt: number
  /** When its last lease ended. Among idle clients, the one that is unused for longest is closed first. */
  usedAt: number
  /** Settles when the factory has settled. Set only while `making`. */
  ready: Promise<void> | undefined
  /** The real client. */
  raw: Client | undefined
  handle: ClientHandle<Client> | undefined
  idleTimer: unknown
}

/** Key of a client in the registry, made of everything that decides which connections it opens. */
export function clientKey({ url, schema = '', role = 'writer' }: DatabaseSpec): string {
  return JSON.stringify([url, schema, role])
}

/** Creates an entry without a client. */
export function createEntry<Client>(spec: DatabaseSpec, label: string, pinned: boolean): ClientEntry<Client> {
  return {
    key: clientKey(spec),
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

/** Finds the entry with the earliest `time` among the unpinned entries that `fits` accepts. */
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
