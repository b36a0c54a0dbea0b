import { callContext } from '../request/call-context'
import { DatabaseEvictedError } from './errors'
import type { ClientRegistry, DatabaseLease } from './registry'
import { clientKey } from './entry'
import type { DatabaseSpec } from './types'

/** The part of a request that decides whether it may write. */
interface ScopeRequest {
  method?: string | undefined
}

/** The user that a request is made for. Internal requests of the server have the same user as the request that made them. */
export interface ScopeUser {
  /** The `Cookie` header of the request. */
  readonly cookie: string | undefined
  /** Whether the user has written in this request. The user then reads from the primary. */
  readonly wrote: boolean
  noteWrite: () => void
}

/**
 * Creates the user of a request.
 *
 * @param onWrite called with `owner` at the first write
 */
export function createUser<Owner = undefined>(cookie: string | undefined, onWrite: (owner: Owner) => void, owner?: Owner): ScopeUser {
  return new User(cookie, onWrite as (owner: unknown) => void, owner)
}

/** A class, so that a request allocates no methods. */
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

/** The leases of one request or one `withTenantDatabase()` call. Each client is leased once per scope. */
export interface LeaseScope {
  /** The request that the work belongs to. */
  readonly request: ScopeRequest | undefined
  readonly user: ScopeUser | undefined
  /** Leases the client of `spec` until the scope ends. */
  lease: <Client>(registry: ClientRegistry<Client>, spec: DatabaseSpec) => Promise<Client>
  /** Leases a pinned client synchronously. */
  leaseNow: <Client>(registry: ClientRegistry<Client>, spec: DatabaseSpec) => Client
  /** Returns all current leases, including those of inner scopes. */
  leases: () => DatabaseLease<unknown>[]
  /** Adds the leases of an inner scope to {@link leases} until {@link exclude}. */
  include: (inner: LeaseScope) => void
  exclude: (inner: LeaseScope) => void
  /** Releases all leases, including those that are still being acquired. Further calls have no effect. */
  end: () => void
}

/** Returns the scope of the running request or job; undefined outside of both. */
export function currentLeaseScope(): LeaseScope | undefined {
  return callContext()?.leases as LeaseScope | undefined
}

/**
 * Creates an empty scope. By default it belongs to the request and the user of the current scope.
 *
 * @param onFirstLease called before the first client is leased
 */
export function createLeaseScope(
  request = currentLeaseScope()?.request, user = currentLeaseScope()?.user, onFirstLease?: () => void,
): LeaseScope {
  return new Scope(request, user, onFirstLease)
}

/** A class with lazy fields: every request has a scope, but most requests use no database. */
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
    const key = clientKey(spec)
    let lease = pending.get(key)
    if (!lease) {
      lease = registry.lease(spec).then((granted) => {
        if (this.#ended) granted.release()
        else held.set(key, granted)
        return granted
      })
      pending.set(key, lease)
      // A failed lease is not remembered, so that the next call of the request can try again.
      lease.catch(() => pending.delete(key))
    }
    const { client } = await lease
    this.#refuseEnded(spec)
    return client as Client
  }

  leaseNow<Client>(registry: ClientRegistry<Client>, spec: DatabaseSpec): Client {
    this.#refuseEnded(spec)
    const { pending, held } = this.#open()
    const key = clientKey(spec)
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
