/**
 * The term of a master: the period in which one server is the master, as one connection of this process sees it.
 * Each entry contains the id of its term, and an entry of another term is a miss. The reason: replication is asynchronous, so
 * a promoted replica, or a server that restarts from disk, may still have entries that an invalidation deleted.
 */
export interface Term {
  /** Eight characters, or '' while the master is not known. In that case this process neither uses nor stores entries. */
  id: string
  /** Resolves when the id is known, or when the connection is lost before that. */
  readonly known: Promise<void>
}

/** The state of the bus that decides whether L1 may be used. It is read on every hit, so it is a plain object. */
export interface Coherence {
  /** Raised whenever messages may have been missed. L1 entries of an older epoch are misses. */
  epoch: number
  /** L1 may be used until this time, in monotonic ms. */
  liveUntil: number
  /** The current term of the master. Entries in Redis of another term are misses. */
  term: Term
}
