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
  const { prefix, isCluster } = connection
  const reader = new Reader(connection)
  const entryKey = (key: string) => `${prefix}:cache:{${key}}`
  const leaseKey = (key: string) => `${prefix}:lease:{${key}}`
  const tagKey = (tag: string) => `${prefix}:tag:{${tag}}`
  const entryHead = `${prefix}:cache:{`
  const leaseHead = `${prefix}:lease:{`

  /**
   * Runs a script whose last two arguments are a channel and a message.
   * On one server the script publishes the message. On a Cluster the message is published after the script, through the node
   * that this process uses for all messages.
   */
  async function announce(
    script: Script, keys: string[], args: (string | Buffer | number)[], operation: string, argument: string, budget: number,
  ): Promise<unknown> {
    if (!isCluster) {
      return connection.run(client => runScript(client, script, keys, [...args, bus.channel, bus.stamp(operation, argument)]), budget)
    }
    const answer = await connection.run(client => runScript(client, script, keys, [...args, '', '']), budget)
    const version = script === bumpTag ? ` ${String(answer)}` : ''
    if (script !== writeEntry || answer === 1) await bus.publish(operation, argument + version, budget)
    return answer
  }

  /** Deletes the matching keys with the prefix `head`. */
  async function sweep(head: string, pattern: ScopedPattern): Promise<number> {
    const accepts = patternTest(writePattern(pattern))
    let deleted = 0
    await scanKeys(connection, scanMatch(head, pattern), async (found) => {
      const unlinked = await unlinkKeys(connection, found.filter(key => accepts(key.slice(head.length, -1))))
      deleted += unlinked // Added after the await, because the masters are scanned concurrently.
    })
    return deleted
  }

  async function bump(tag: string, budget: number): Promise<void> {
    await announce(bumpTag, [tagKey(tag)], [TAG_LIFE], 'tag', tag, budget)
  }

  return {
    holdsEntries: true,
    get available() {
      return connection.available
    },

    untilTermKnown: budget => connection.run(() => coherence.term.known, budget),

    async read(key, tags, budget): Promise<StoredRead> {
      const asked = coherence.term
      const keys = tags.length === 0 ? [entryKey(key)] : [entryKey(key), ...tags.map(tagKey)]
      const [bytes, ...versions] = await reader.read(keys, budget)
      return {
        bytes: bytes!,
        versions: versions.length === 0 ? NO_VERSIONS : versions.map(readVersion),
        term: coherence.term === asked ? asked.id : '',
      }
    },

    async versions(tags, budget) {
      return (await reader.read(tags.map(tagKey), budget)).map(readVersion)
    },

    async acquire(key, seenWriteId, token, takeFailedAfter, budget): Promise<LeaseAnswer> {
      const takeBelow = takeFailedAfter === undefined ? NEVER : MARKER_LIFE - takeFailedAfter
      const answer = await connection.run(
        client => runScript(client, acquireLease, [entryKey(key), leaseKey(key)], [seenWriteId, token, LEASE_LIFE, takeBelow]),
        budget,
      ) as [LeaseAnswer['state'], string]
      return answer[0] === 'won' ? { state: 'won', time: Number(answer[1]) } : { state: answer[0] }
    },

    async renew(key, token, budget) {
      await connection.run(client => runScript(client, renewLease, [leaseKey(key)], [token, LEASE_LIFE]), budget)
    },

    async settle(key, token, outcome, budget) {
      const { marker, entry, operation } = SETTLEMENTS[outcome]
      await announce(settleLease, [entryKey(key), leaseKey(key)], [token, marker, MARKER_LIFE, entry], operation, key, budget)
    },

    async write(key, token, entry, life, budget) {
      return await announce(writeEntry, [entryKey(key), leaseKey(key)], [token, entry, life], 'fill', key, budget) === 1
    },

    async set(key, entry, life, budget) {
      await announce(setEntry, [entryKey(key), leaseKey(key)], [entry, life], 'del', key, budget)
    },

    async noteTags(tags, life, budget) {
      const args = [Math.max(life, TAG_LIFE)]
      const versions = await connection.run(
        client => Promise.all(tags.map(tag => runScript(client, noteTag, [tagKey(tag)], args))),
        budget,
      )
      return versions.map(String)
    },

    receivedAll: budget => bus.receivedAll(budget),

    async delete(key, budget) {
      await announce(deleteEntry, [entryKey(key), leaseKey(key)], [], 'del', key, budget)
    },

    async deleteMatching(pattern) {
      let deleted = 0
      for (let sweeps = 0; sweeps < MOST_SWEEPS; sweeps++) {
        const before = await slotMap(connection)
        // Delete leases first: a running load then loses its lease and cannot write after its entry was deleted.
        await sweep(leaseHead, pattern)
        deleted += await sweep(entryHead, pattern)
        if (await slotMap(connection) === before) break
      }
      await bus.publish('pattern', writePattern(pattern), SWEEP_BUDGET)
      return deleted
    },

    bumpTag: bump,

    async bumpTagEverywhere(tag, budget) {
      // Publish first: the scan finds existing tags only. A load that adds the tag in a scope without a version relies on the message.
      await bus.publish('tag-everywhere', tag, budget)
      const head = tagKey('').slice(0, -1)
      await scanKeys(connection, `${escapeGlob(head)}*${escapeGlob(tag)}}`, async (found) => {
        const tags = found.map(key => key.slice(head.length, -1)).filter(stored => withoutScope(stored) === tag)
        await Promise.all(tags.map(stored => bump(stored, SWEEP_BUDGET)))
      })
    },

    async keys(pattern) {
      const accepts = patternTest(writePattern(pattern))
      const found = new Set<string>()
      await scanKeys(connection, scanMatch(entryHead, pattern), (keys) => {
        for (const key of keys) {
          const stored = key.slice(entryHead.length, -1)
          if (accepts(stored)) found.add(stored)
        }
      })
      return [...found]
    },
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
