import type { Timers } from '../core/clock'
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

/** Result for a caller that leaves the queue. */
interface Admission<Place> {
  place: Place
  /** Time by which the caller must have its client, in milliseconds of the queue's clock. */
  deadline: number
}

/** Callers that wait for a client, first come, first served. Callers of the same client form a group and share one place. */
export interface AdmissionQueue<Place> {
  /** Number of callers that wait. */
  readonly waiting: number
  /** Number of groups, which is the number of places that they need. */
  readonly wanted: number
  /** Waits until {@link shift} takes the group of this key. */
  wait: (key: string, spec: DatabaseSpec) => Promise<Admission<Place>>
  /** Removes the first group. Call `admit` to let its callers continue. */
  shift: () => { spec: DatabaseSpec, count: number, admit: (place: Place) => void } | undefined
  /** Rejects all callers that wait. */
  clear: (error: (spec: DatabaseSpec) => Error) => void
}

export interface AdmissionQueueOptions {
  /** Most milliseconds that a caller waits. */
  timeout: number
  /** Creates the error of a caller that has waited for `timeout`. */
  expired: (spec: DatabaseSpec) => Error
  /** Called each time a group has waited another quarter of `timeout`. */
  overdue: () => void
  clock: Timers
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
