import type { Timers } from '../core/clock'
import { idleClock } from '../core/clock'
import { disposerOf } from './dispose'
import type { ClientEntry } from './entry'
import { DatabaseEvictedError, DatabaseFactoryError } from './errors'
import { createHandle } from './handle'
import { redact, redactError } from './redact'
import type { ClientRegistryOptions } from './registry'

/** Creates and closes the clients of entries, and calls the registry's events. */
export interface ClientMaker<Client> {
  /** Calls the factory, then `opened` or `failed`. With a synchronous factory, the event is called before this returns. */
  make: (entry: ClientEntry<Client>) => void
  /** Disables the handle and disconnects the client. Calls `ended` when the disconnect has settled, however long it takes. */
  end: (entry: ClientEntry<Client>) => void
  /** Returns the reason why an entry has no client now. */
  notReady: (entry: ClientEntry<Client>) => Error
  /** Number of clients whose disconnect takes longer than `disconnectTimeout`. */
  readonly stuck: number
}

interface MakerEvents<Client> {
  opened: (entry: ClientEntry<Client>) => void
  failed: (entry: ClientEntry<Client>) => void
  ended: (entry: ClientEntry<Client>) => void
}

const NO_DISPOSER = 'the client has no $disconnect, end, close or destroy, so its connections could not be closed;'
  + ' write defineScaleDatabase(factory, { dispose: client => … })'
const NOT_FINISHED = 'the factory has not finished, and usePrisma() cannot wait;'
  + ' return the client instead of a promise, or write the factory as an async function, which runs before the first request'

/** Creates the maker of a registry. */
export function createMaker<Client>(options: ClientRegistryOptions<Client>, events: MakerEvents<Client>): ClientMaker<Client> {
  const { factory, pool, log, disconnectTimeout = 5000 } = options
  const clock: Timers = options.clock ?? idleClock
  const failures = new WeakMap<ClientEntry<Client>, Error>()
  let stuck = 0

  function open(entry: ClientEntry<Client>, raw: Client): void {
    if (!disposerOf(raw, factory.dispose)) throw new TypeError(NO_DISPOSER)
    entry.raw = raw
    entry.handle = createHandle(raw, entry.label)
    entry.state = 'open'
    entry.ready = undefined
    failures.delete(entry)
    events.opened(entry)
  }

  function fail(entry: ClientEntry<Client>, error: unknown): Error {
    const { url } = entry.spec
    const reason = error instanceof Error ? error.message : String(error)
    const failure = new DatabaseFactoryError(entry.label, redact(reason, url), redactError(error, url))
    failures.set(entry, failure)
    entry.state = 'reserved'
    events.failed(entry)
    return failure
  }

  /** Disconnects a client. Its connections stay reserved until the disconnect has settled. */
  function disconnect(entry: ClientEntry<Client>): void {
    let late = false
    const timer = clock.setTimeout(() => {
      late = true
      stuck++
      log?.warn(`The database client of ${entry.label} has not disconnected within ${disconnectTimeout} ms:`
        + ` its ${pool.max} connections stay reserved until it has. Check that the database answers.`)
    }, disconnectTimeout)
    Promise.resolve()
      .then(disposerOf(entry.raw, factory.dispose)!)
      .catch((error) => {
        log?.warn(`The database client of ${entry.label} did not disconnect cleanly: ${redactError(error, entry.spec.url).message}`)
      })
      .finally(() => {
        clock.clearTimeout(timer)
        if (late) stuck--
        entry.raw = undefined
        entry.handle = undefined
        events.ended(entry)
      })
  }

  return {
    get stuck() {
      return stuck
    },
    make(entry) {
      const { name, url, schema, role = 'writer' } = entry.spec
      entry.state = 'making'
      try {
        const made = factory({ name, url, schema, role, pool: { ...pool } })
        if (!isPromise(made)) open(entry, made)
        else entry.ready = Promise.resolve(made).then(raw => open(entry, raw)).catch(error => Promise.reject(fail(entry, error)))
      }
      catch (error) {
        entry.ready = Promise.reject(fail(entry, error))
      }
      // Callers that wait see the rejection. This handler prevents an unhandled rejection if no caller waits any more.
      entry.ready?.catch(() => {})
    },
    end(entry) {
      if (entry.state !== 'open') return
      entry.state = 'ending'
      // The handle is disabled before the disconnect, because a query in between would reconnect.
      entry.handle!.poison(() => new DatabaseEvictedError(entry.label))
      disconnect(entry)
    },
    notReady(entry) {
      return failures.get(entry) ?? new DatabaseFactoryError(entry.label, NOT_FINISHED)
    },
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function'
}
