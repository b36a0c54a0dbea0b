import { callContext } from '../call-context'
import { DatabaseEvictedError } from './errors'
import type { ClientRegistry, DatabaseLease } from './registry'
import { keyOf } from './entry'
import type { DatabaseSpec } from './types'

/** What decides whether a request may write. */
export interface ScopeRequest {
  method?: string | undefined
}

/** Whoever a request is made for. Requests of the server to itself are made for the same one. */
export interface ScopeUser {
  readonly cookie: string | undefined
  /** This user has written: from here on it reads from the primary. */
  readonly wrote: boolean
  noteWrite: () => void
}

/**
 * @param onWrite called with `owner` at the first write
 */
export function createUser<Owner = undefined>(cookie: string | undefined, onWrite: (owner: Owner) => void, owner?: Owner): ScopeUser {
  return new User(cookie, onWrite as (owner: unknown) => void, owner)
}

/** A class, because every request has one: its methods are made once. */
class User implements ScopeUser {
  readonly cookie: string | undefined
  readonly #onWrite: (owner: unknown) => void
  readonly #owner: unknown
  wrote = false

  constructor(cookie: string | undefined, onWrite: (owner: unknown) => void, owner: unknown) {
    this.cookie = cookie
    this.#onWrite = onWrite
    this.#owner = owner
  }

  noteWrite(): void {
    if (!this.wrote) this.#onWrite(this.#owner)
    this.wrote = true
  }
}

/** The leases of one request or one `withTenantDatabase()`: however often a client is asked for, it is leased once. */
export interface LeaseScope {
  /** The request on whose behalf the work is done. */
  readonly request: ScopeRequest | undefined
  readonly user: ScopeUser | undefined
  /** The client of `spec` until the scope ends. */
  lease: <Client>(registry: ClientRegistry<Client>, spec: DatabaseSpec) => Promise<Client>
  /** The same for a pinned client, at once. */
  leaseNow: <Client>(registry: ClientRegistry<Client>, spec: DatabaseSpec) => Client
  /** The leases that are out, those of the scopes inside this one too. */
  leases: () => DatabaseLease<unknown>[]
  /** Counts the leases of a scope inside this one until {@link exclude}. */
  include: (inner: LeaseScope) => void
  exclude: (inner: LeaseScope) => void
  /** Releases everything, also what is still on its way. Idempotent. */
  end: () => void
}

/** The scope of the running request or job; undefined outside of both. */
export function currentScope(): LeaseScope | undefined {
  return callContext()?.leases
}

/**
 * Creates an empty scope; without a request of its own it is on behalf of the one that runs.
 *
 * @param onFirstLease called before the first client is leased
 */
export function createScope(request = currentScope()?.request, user = currentScope()?.user, onFirstLease?: () => void): LeaseScope {
  return new Scope(request, user, onFirstLease)
}

/** A class, because every request has one, and most ask no database: nothing is made before the first lease. */
class Scope implements LeaseScope {
  readonly request: ScopeRequest | undefined
  readonly user: ScopeUser | undefined
  #onFirstLease: (() => void) | undefined
  #leases: Leases | undefined
  #inner: Set<LeaseScope> | undefined
  #ended = false

  constructor(request: ScopeRequest | undefined, user: ScopeUser | undefined, onFirstLease: (() => void) | undefined) {
    this.request = request
    this.user = user
    this.#onFirstLease = onFirstLease
  }

  async lease<Client>(registry: ClientRegistry<Client>, spec: DatabaseSpec): Promise<Client> {
    this.#refuseEnded(spec)
    const { pending, held } = this.#open()
    const key = keyOf(spec)
    let lease = pending.get(key)
    if (!lease) {
      lease = registry.lease(spec).then((granted) => {
        if (this.#ended) granted.release()
        else held.set(key, granted)
        return granted
      })
      pending.set(key, lease)
      // A refusal is not kept: the next call of the request may be luckier.
      lease.catch(() => pending.delete(key))
    }
    const { client } = await lease
    this.#refuseEnded(spec)
    return client as Client
  }

  leaseNow<Client>(registry: ClientRegistry<Client>, spec: DatabaseSpec): Client {
    this.#refuseEnded(spec)
    const { pending, held } = this.#open()
    const key = keyOf(spec)
    let lease = held.get(key)
    if (!lease) {
      lease = registry.leaseNow(spec)
      held.set(key, lease)
      pending.set(key, Promise.resolve(lease))
    }
    return lease.client as Client
  }

  leases(): DatabaseLease<unknown>[] {
    if (!this.#leases) return []
    return [...this.#leases.held.values(), ...[...this.#inner ?? []].flatMap(inner => inner.leases())]
  }

  include(inner: LeaseScope): void {
    if (this.#ended) return
    this.#open()
    this.#inner ??= new Set()
    this.#inner.add(inner)
  }

  exclude(inner: LeaseScope): void {
    this.#inner?.delete(inner)
  }

  end(): void {
    this.#ended = true
    if (!this.#leases) return
    this.#leases.held.forEach(lease => lease.release())
    this.#leases.held.clear()
    this.#leases.pending.clear()
  }

  #open(): Leases {
    if (this.#leases) return this.#leases
    this.#leases = { pending: new Map(), held: new Map() }
    this.#onFirstLease?.()
    return this.#leases
  }

  #refuseEnded(spec: DatabaseSpec): void {
    if (this.#ended) throw new DatabaseEvictedError(`"${spec.name}"`)
  }
}

interface Leases {
  pending: Map<string, Promise<DatabaseLease<unknown>>>
  held: Map<string, DatabaseLease<unknown>>
}
