import type { Driver, StorageMeta } from 'unstorage'
import type { Redis } from 'ioredis'
import type { RedisConnection } from '../redis/types'

/** What a mount needs. */
export interface RedisStorageOptions {
  /** The shared connection. The driver never closes it. */
  connection: RedisConnection
  /** Name of the mount; no two mounts of one prefix may share it. */
  base: string
  /** Seconds that an entry lives when the call names no `ttl`. @default entries stay for ever */
  ttl?: number
}

/** Options of the calls that write. */
interface WriteOptions {
  /** Seconds that the entry lives; 0 for ever. */
  ttl?: number
}

/** Keys that one SCAN call looks at: large enough for few round trips, small enough to stay under a millisecond or two. */
const SCAN_COUNT = 1000
/** Milliseconds for one page of a scan and for deleting what it found. */
const PAGE_BUDGET = 5000
/** Entries of one bulk call that share a budget. */
const BULK_SIZE = 500

/**
 * A storage driver on the shared Redis connection.
 *
 * Entries live under `<prefix>:storage:<base>:<key>`. Single-key calls settle within the command timeout and
 * reject with the error of Redis; `getKeys` and `clear` visit every master, each page with its own deadline.
 * `clear` deletes nothing outside the mount, and nothing that merely begins with the same letters as its base.
 * @throws TypeError when `base` is empty or `ttl` is not a positive number
 */
export function redisStorageDriver({ connection, base, ttl }: RedisStorageOptions): Driver {
  if (!base) {
    throw new TypeError('A storage mount on Redis has no base: name it, for example \'redis\'.')
  }
  checkTtl(ttl, `the mount ${base}`)
  // Encoded, so that a mount named 'a:b' does not lie inside a mount named 'a', and a brace does not pin a Cluster slot.
  const root = `${connection.prefix}:storage:${encodeURIComponent(base)}:`
  const toKey = (key: string): string => root + key

  async function write(key: string, value: string | Buffer, options: WriteOptions | undefined): Promise<void> {
    const seconds = options?.ttl ?? ttl
    checkTtl(seconds, `the key ${key}`)
    await connection.run(client => seconds
      ? client.set(toKey(key), value, 'PX', Math.max(1, Math.round(seconds * 1000)))
      : client.set(toKey(key), value))
  }

  /** Calls `onPage` with every key below `start`, which may come twice: SCAN promises no more. */
  async function scan(start: string, onPage: (keys: string[]) => Promise<void> | void): Promise<void> {
    const beginning = toKey(start)
    const pattern = `${escapeGlob(beginning)}*`
    const scanMaster = async (master: Redis): Promise<void> => {
      let cursor = '0'
      do {
        const [next, keys] = await connection.run(() => master.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT), PAGE_BUDGET)
        cursor = next
        if (keys.length > 0) {
          await onPage(keys)
        }
      } while (cursor !== '0')
    }
    // Within run, so that a scan right after the start waits for the first connection.
    const masters = await connection.run(async () => connection.masters())
    await Promise.all(masters.map(scanMaster))
  }

  return {
    name: 'nuxt-scale-redis',
    flags: { ttl: true },
    options: { base, ttl },
    getInstance: () => connection.client,

    async hasItem(key) {
      return await connection.run(client => client.exists(toKey(key))) === 1
    },

    getItem: key => connection.run(client => client.get(toKey(key))),

    getItemRaw: key => connection.run(client => client.getBuffer(toKey(key))),

    getItems: items => inBulk(items, ({ key }) => key, async keys => connection.run(
      client => Promise.all(keys.map(async key => ({ key, value: await client.get(toKey(key)) }))),
    )),

    setItem: (key, value, options) => write(key, value, options),

    setItemRaw: async (key, value, options) => write(key, toBinary(value, key), options),

    async setItems(items, commonOptions) {
      await inBulk(items, item => item, entries => Promise.all(
        entries.map(({ key, value, options }) => write(key, value, { ...commonOptions, ...options })),
      ))
    },

    async removeItem(key) {
      await connection.run(client => client.unlink(toKey(key)))
    },

    async getMeta(key): Promise<StorageMeta | null> {
      const [milliseconds, size] = await connection.run(client => Promise.all([
        client.pttl(toKey(key)),
        client.strlen(toKey(key)),
      ]))
      if (milliseconds === -2) {
        return null
      }
      return milliseconds < 0 ? { size } : { ttl: Math.ceil(milliseconds / 1000), size }
    },

    async getKeys(start) {
      const found = new Set<string>()
      await scan(toBase(start), (keys) => {
        keys.forEach(key => found.add(key.slice(root.length)))
      })
      return [...found]
    },

    async clear(start) {
      await scan(toBase(start), async (keys) => {
        // One key a command: a command with keys of several slots is refused by a Cluster.
        await connection.run(client => Promise.all(keys.map(key => client.unlink(key))), PAGE_BUDGET)
      })
    },

    // The connection belongs to the application: a mount that goes away must not take it along.
    dispose() {},
  }
}

/** Applies `work` to slices of bounded size, one after the other, so that each slice has its own budget. */
async function inBulk<Item, Part, Result>(
  items: Item[],
  select: (item: Item) => Part,
  work: (parts: Part[]) => Promise<Result[]>,
): Promise<Result[]> {
  const results: Result[] = []
  for (let start = 0; start < items.length; start += BULK_SIZE) {
    results.push(...await work(items.slice(start, start + BULK_SIZE).map(select)))
  }
  return results
}

/** A base ends with a colon, so that 'user' does not reach 'users:1'. */
function toBase(start: string | undefined): string {
  return !start || start.endsWith(':') ? start ?? '' : `${start}:`
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}

function toBinary(value: unknown, key: string): Buffer | string {
  if (typeof value === 'string') {
    return value
  }
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return Buffer.from(value)
  }
  throw new TypeError(`The raw value of the storage key ${key} is not binary: pass a Buffer, a typed array or a string, or use setItem.`)
}

function checkTtl(seconds: unknown, owner: string): void {
  if (seconds !== undefined && (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 0)) {
    throw new TypeError(`The ttl of ${owner} is ${String(seconds)}: write a number of seconds, or 0 for ever.`)
  }
}
