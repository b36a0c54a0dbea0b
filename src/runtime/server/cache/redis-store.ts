import { escapeGlob, scanKeys, unlinkKeys } from '../redis/scan'
import type { Script } from '../redis/script'
import { runScript } from '../redis/script'
import type { RedisConnection } from '../redis/types'
import type { Coherence } from './coherence'
import type { Bus } from './bus'
import { withoutScope } from './key'
import { patternTest, scanPattern, writePattern } from './pattern'
import { Reader } from './reader'
import { acquireLease, bumpTag, deleteEntry, FAILED, noteTag, renewLease, setEntry, settleLease, UNCACHEABLE, writeEntry } from './scripts'
import type { CacheStore, LeaseAnswer, ScopedPattern, StoredRead } from './store'
import { LEASE_LIFE, MARKER_LIFE, TAG_LIFE } from './store'

const NO_VERSIONS: readonly string[] = []
/** Deadline in ms of the messages of a sweep, which queue behind the commands of the sweep. */
const SWEEP_BUDGET = 2000
/** Maximum number of sweeps of one pattern. A sweep is repeated when the Cluster moved slots meanwhile. */
const MOST_SWEEPS = 5
/** Remaining time below which a `failed` marker may be taken over, for "never": PTTL does not return a value this low. */
const NEVER = -3

/** For each outcome of a lease: the marker it leaves, whether the old entry is kept, and the message to other processes. */
const SETTLEMENTS = {
  failed: { marker: FAILED, entry: 'keep', operation: 'fail' },
  oversized: { marker: FAILED, entry: 'drop', operation: 'del' },
  uncacheable: { marker: UNCACHEABLE, entry: 'drop', operation: 'del' },
  free: { marker: '', entry: 'keep', operation: 'free' },
} as const

/** Creates the store on Redis: values, leases and tag versions, on one server or a Cluster. */
export function createRedisStore(connection: RedisConnection, bus: Bus, coherence: Coherence): CacheStore {
  return new RedisStore(connection, bus, coherence)
}

class RedisStore implements CacheStore {
  readonly holdsEntries = true
  readonly #connection: RedisConnection
  readonly #bus: Bus
  readonly #coherence: Coherence
  readonly #reader: Reader
  readonly #entryHead: string
  readonly #leaseHead: string
  readonly #tagHead: string

  constructor(connection: RedisConnection, bus: Bus, coherence: Coherence) {
    const { prefix } = connection
    this.#connection = connection
    this.#bus = bus
    this.#coherence = coherence
    this.#reader = new Reader(connection)
    this.#entryHead = `${prefix}:cache:{`
    this.#leaseHead = `${prefix}:lease:{`
    this.#tagHead = `${prefix}:tag:{`
  }

  get available(): boolean {
    return this.#connection.available
  }

  untilTermKnown(budget: number): Promise<void> {
    return this.#connection.run(() => this.#coherence.term.known, budget)
  }

  async read(key: string, tags: readonly string[], budget: number): Promise<StoredRead> {
    const asked = this.#coherence.term
    const keys = tags.length === 0 ? [this.#entryKey(key)] : [this.#entryKey(key), ...tags.map(tag => this.#tagKey(tag))]
    const [bytes, ...versions] = await this.#reader.read(keys, budget)
    return {
      bytes: bytes!,
      versions: versions.length === 0 ? NO_VERSIONS : versions.map(readVersion),
      term: this.#coherence.term === asked ? asked.id : '',
    }
  }

  async versions(tags: readonly string[], budget: number): Promise<(string | null)[]> {
    return (await this.#reader.read(tags.map(tag => this.#tagKey(tag)), budget)).map(readVersion)
  }

  async acquire(
    key: string, seenWriteId: string, token: string, takeFailedAfter: number | undefined, budget: number,
  ): Promise<LeaseAnswer> {
    const takeBelow = takeFailedAfter === undefined ? NEVER : MARKER_LIFE - takeFailedAfter
    const args = [seenWriteId, token, LEASE_LIFE, takeBelow]
    const keys = [this.#entryKey(key), this.#leaseKey(key)]
    const answer = await this.#run(acquireLease, keys, args, budget) as [LeaseAnswer['state'], string, number]
    return answer[0] === 'won' ? { state: 'won', time: Number(answer[1]), stolen: answer[2] === 1 } : { state: answer[0] }
  }

  async renew(key: string, token: string, budget: number): Promise<void> {
    await this.#run(renewLease, [this.#leaseKey(key)], [token, LEASE_LIFE], budget)
  }

  async settle(key: string, token: string, outcome: keyof typeof SETTLEMENTS, budget: number): Promise<void> {
    const { marker, entry, operation } = SETTLEMENTS[outcome]
    const args = [token, marker, MARKER_LIFE, entry]
    await this.#announce(settleLease, [this.#entryKey(key), this.#leaseKey(key)], args, operation, key, budget)
  }

  async write(key: string, token: string, entry: string | Buffer, life: number, budget: number): Promise<boolean> {
    return await this.#announce(writeEntry, [this.#entryKey(key), this.#leaseKey(key)], [token, entry, life], 'fill', key, budget) === 1
  }

  async set(key: string, entry: string | Buffer, life: number, budget: number): Promise<void> {
    await this.#announce(setEntry, [this.#entryKey(key), this.#leaseKey(key)], [entry, life], 'del', key, budget)
  }

  async noteTags(tags: readonly string[], life: number, budget: number): Promise<string[]> {
    const args = [Math.max(life, TAG_LIFE)]
    const versions = await this.#connection.run(
      client => Promise.all(tags.map(tag => runScript(client, noteTag, [this.#tagKey(tag)], args))),
      budget,
      'EVALSHA',
    )
    return versions.map(String)
  }

  receivedAll(budget: number): Promise<boolean> {
    return this.#bus.receivedAll(budget)
  }

  async delete(key: string, budget: number): Promise<void> {
    await this.#announce(deleteEntry, [this.#entryKey(key), this.#leaseKey(key)], [], 'del', key, budget)
  }

  async deleteMatching(pattern: ScopedPattern): Promise<number> {
    let deleted = 0
    for (let sweeps = 0; sweeps < MOST_SWEEPS; sweeps++) {
      const before = await slotMap(this.#connection)
      // Delete leases first: a running load then loses its lease and cannot write after its entry was deleted.
      await this.#sweep(this.#leaseHead, pattern)
      deleted += await this.#sweep(this.#entryHead, pattern)
      if (await slotMap(this.#connection) === before) break
    }
    await this.#bus.publish('pattern', writePattern(pattern), SWEEP_BUDGET)
    return deleted
  }

  async bumpTag(tag: string, budget: number): Promise<void> {
    await this.#announce(bumpTag, [this.#tagKey(tag)], [TAG_LIFE], 'tag', tag, budget)
  }

  async bumpTagEverywhere(tag: string, budget: number): Promise<void> {
    // Publish first: the scan finds existing tags only. A load that adds the tag in a scope without a version relies on the message.
    await this.#bus.publish('tag-everywhere', tag, budget)
    const head = this.#tagHead
    await scanKeys(this.#connection, `${escapeGlob(head)}*${escapeGlob(tag)}}`, async (found) => {
      const tags = found.map(key => key.slice(head.length, -1)).filter(stored => withoutScope(stored) === tag)
      await Promise.all(tags.map(stored => this.bumpTag(stored, SWEEP_BUDGET)))
    })
  }

  async keys(pattern: ScopedPattern): Promise<string[]> {
    const accepts = patternTest(writePattern(pattern))
    const found = new Set<string>()
    await scanKeys(this.#connection, scanMatch(this.#entryHead, pattern), (keys) => {
      for (const key of keys) {
        const stored = key.slice(this.#entryHead.length, -1)
        if (accepts(stored)) found.add(stored)
      }
    })
    return [...found]
  }

  #entryKey(key: string): string {
    return `${this.#entryHead}${key}}`
  }

  #leaseKey(key: string): string {
    return `${this.#leaseHead}${key}}`
  }

  #tagKey(tag: string): string {
    return `${this.#tagHead}${tag}}`
  }

  #run(script: Script, keys: string[], args: (string | Buffer | number)[], budget: number): Promise<unknown> {
    return this.#connection.run(client => runScript(client, script, keys, args), budget, 'EVALSHA')
  }

  /**
   * Runs a script whose last two arguments are a channel and a message.
   * On one server the script publishes the message. On a Cluster the message is published after the script, through the node
   * that this process uses for all messages.
   */
  async #announce(
    script: Script, keys: string[], args: (string | Buffer | number)[], operation: string, argument: string, budget: number,
  ): Promise<unknown> {
    if (!this.#connection.isCluster) {
      // The message gets its number only when the script is sent. A call that is refused must not leave a gap.
      const message = () => [this.#bus.channel, this.#bus.stamp(operation, argument)]
      return this.#connection.run(client => runScript(client, script, keys, [...args, ...message()]), budget, 'EVALSHA')
    }
    const answer = await this.#run(script, keys, [...args, '', ''], budget)
    const version = script === bumpTag ? ` ${String(answer)}` : ''
    if (script !== writeEntry || answer === 1) await this.#bus.publish(operation, argument + version, budget)
    return answer
  }

  /** Deletes the matching keys with the prefix `head`. */
  async #sweep(head: string, pattern: ScopedPattern): Promise<number> {
    const accepts = patternTest(writePattern(pattern))
    let deleted = 0
    await scanKeys(this.#connection, scanMatch(head, pattern), async (found) => {
      const unlinked = await unlinkKeys(this.#connection, found.filter(key => accepts(key.slice(head.length, -1))))
      deleted += unlinked // Added after the await, because the masters are scanned concurrently.
    })
    return deleted
  }
}

/** Returns the MATCH pattern of SCAN. It may match too many keys; {@link patternTest} decides. */
function scanMatch(head: string, pattern: ScopedPattern): string {
  return `${escapeGlob(head)}${scanPattern(pattern)}}`
}

/** Returns the slot map of the Cluster as a string; '' on one server. */
async function slotMap(connection: RedisConnection): Promise<string> {
  if (!connection.isCluster) return ''
  const [master] = connection.masters()
  const slots = await connection.run(
    () => master ? master.cluster('SLOTS') : Promise.reject(new Error('No master of the Redis Cluster is known.')),
    SWEEP_BUDGET,
  )
  return JSON.stringify(slots.map(([from, to, master]) => [from, to, master?.[0], master?.[1]]).sort())
}

function readVersion(value: Buffer | null): string | null {
  return value === null ? null : value.toString('latin1')
}
