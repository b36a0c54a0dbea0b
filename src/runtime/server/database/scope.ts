import { AsyncLocalStorage } from 'node:async_hooks'
import { DatabaseEvictedError } from './errors'
import type { ClientRegistry, DatabaseLease } from './registry'
import { keyOf } from './entry'
import type { DatabaseSpec } from './types'

/** What decides whether a request may write. */
export interface ScopeRequest {
  method: string | undefined
}

/** Whoever a request is made for. Requests of the server to itself are made for the same one. */
export interface ScopeUser {
  readonly cookie: string | undefined
  /** This user has written: from here on it reads from the primary. */
  readonly wrote: boolean
  noteWrite: () => void
}

/** @param onWrite called at the first write */
export function createUser(cookie: string | undefined, onWrite: () => void): ScopeUser {
  let wrote = false
  return {
    cookie,
    get wrote() {
      return wrote
    },
    noteWrite() {
      if (!wrote) onWrite()
      wrote = true
    },
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
  /** Releases everything, also what is still on its way. Idempotent. */
  end: () => void
}

const scopes = new AsyncLocalStorage<LeaseScope>()

/** The scope of the running request or job; undefined outside of both. */
export function currentScope(): LeaseScope | undefined {
  return scopes.getStore()
}

/** Runs `work` in `scope`; whoever made the scope ends it. */
export function runInScope<T>(scope: LeaseScope, work: () => T): T {
  return scopes.run(scope, work)
}

/** Creates an empty scope; without a request of its own it is on behalf of the one that runs. */
export function createScope(request = currentScope()?.request, user = currentScope()?.user): LeaseScope {
  const pending = new Map<string, Promise<DatabaseLease<unknown>>>()
  const held = new Map<string, DatabaseLease<unknown>>()
  let ended = false

  function refuseEnded(spec: DatabaseSpec): void {
    if (ended) throw new DatabaseEvictedError(`"${spec.name}"`)
  }

  return {
    request,
    user,
    async lease<Client>(registry: ClientRegistry<Client>, spec: DatabaseSpec): Promise<Client> {
      refuseEnded(spec)
      const key = keyOf(spec)
      let lease = pending.get(key)
      if (!lease) {
        lease = registry.lease(spec).then((granted) => {
          if (ended) granted.release()
          else held.set(key, granted)
          return granted
        })
        pending.set(key, lease)
        // A refusal is not kept: the next call of the request may be luckier.
        lease.catch(() => pending.delete(key))
      }
      const { client } = await lease
      refuseEnded(spec)
      return client as Client
    },
    leaseNow<Client>(registry: ClientRegistry<Client>, spec: DatabaseSpec): Client {
      refuseEnded(spec)
      const key = keyOf(spec)
      let lease = held.get(key)
      if (!lease) {
        lease = registry.leaseNow(spec)
        held.set(key, lease)
        pending.set(key, Promise.resolve(lease))
      }
      return lease.client as Client
    },
    end() {
      ended = true
      held.forEach(lease => lease.release())
      held.clear()
      pending.clear()
    },
  }
}
