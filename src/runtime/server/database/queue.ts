import type { DatabaseClock } from './clock'
import type { DatabaseSpec } from './types'

interface Waiter<Place> {
  admitted: (admission: Admission<Place>) => void
  refused: (error: Error) => void
  deadline: number
  timer: unknown
}

interface Group<Place> {
  spec: DatabaseSpec
  waiters: Set<Waiter<Place>>
  nudge: unknown
}

/** What a caller gets whose turn has come. */
export interface Admission<Place> {
  place: Place
  /** The moment by which it must have its client. */
  deadline: number
}

/** Those that wait for a place in the budget: first come, first served, and one place serves all that want the same client. */
export interface AdmissionQueue<Place> {
  /** How many callers wait. */
  readonly waiting: number
  /** How many places would serve them all. */
  readonly wanted: number
  /** Waits for {@link shift} to come to this key. */
  wait: (key: string, spec: DatabaseSpec) => Promise<Admission<Place>>
  /** Takes out the group that came first; `admit` lets its callers go on. */
  shift: () => { spec: DatabaseSpec, count: number, admit: (place: Place) => void } | undefined
  /** Refuses all that wait. */
  clear: (error: (spec: DatabaseSpec) => Error) => void
}

/** What a queue needs. */
export interface AdmissionQueueOptions {
  /** Milliseconds that a caller waits at most. */
  timeout: number
  /** Makes the error of a caller whose time is up. */
  expired: (spec: DatabaseSpec) => Error
  /** Called each time a group has waited another quarter of `timeout`. */
  overdue: () => void
  clock: DatabaseClock
}

/** Creates an empty queue. */
export function createAdmissionQueue<Place>({ timeout, expired, overdue, clock }: AdmissionQueueOptions): AdmissionQueue<Place> {
  const groups = new Map<string, Group<Place>>()
  let waiting = 0

  function drop(group: Group<Place>): void {
    clock.clearTimeout(group.nudge)
    for (const waiter of group.waiters) clock.clearTimeout(waiter.timer)
    waiting -= group.waiters.size
  }

  function join(key: string, spec: DatabaseSpec): Group<Place> {
    const known = groups.get(key)
    if (known) return known
    const group: Group<Place> = { spec, waiters: new Set(), nudge: undefined }
    const nudgeLater = () => {
      group.nudge = clock.setTimeout(() => {
        nudgeLater()
        overdue()
      }, timeout / 4)
    }
    nudgeLater()
    groups.set(key, group)
    return group
  }

  return {
    get waiting() {
      return waiting
    },
    get wanted() {
      return groups.size
    },
    wait: (key, spec) => new Promise((admitted, refused) => {
      const group = join(key, spec)
      const waiter: Waiter<Place> = { admitted, refused, deadline: clock.now() + timeout, timer: undefined }
      waiter.timer = clock.setTimeout(() => {
        group.waiters.delete(waiter)
        waiting--
        if (group.waiters.size === 0) {
          clock.clearTimeout(group.nudge)
          groups.delete(key)
        }
        refused(expired(spec))
      }, timeout)
      group.waiters.add(waiter)
      waiting++
    }),
    shift() {
      const [first] = groups
      if (!first) return undefined
      const [key, group] = first
      groups.delete(key)
      drop(group)
      return {
        spec: group.spec,
        count: group.waiters.size,
        admit: place => group.waiters.forEach(waiter => waiter.admitted({ place, deadline: waiter.deadline })),
      }
    },
    clear(error) {
      for (const group of groups.values()) {
        drop(group)
        group.waiters.forEach(waiter => waiter.refused(error(group.spec)))
      }
      groups.clear()
    },
  }
}
