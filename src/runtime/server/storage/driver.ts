import type { Driver, StorageMeta } from 'unstorage'
import type { Commander } from '../redis/redirect'
import { followRedirection } from '../redis/redirect'
import { escapeGlob, scanKeys, unlinkKeys } from '../redis/scan'
import type { RedisCommandName, RedisConnection } from '../redis/types'

/** Options of a mount on Redis. */
export interface RedisStorageOptions {
  /** The shared connection. The driver never closes it. */
  connection: RedisConnection
  /** Name of the mount. It must be unique among the mounts with the same Redis prefix. */
  base: string
  /**
   * Lifetime of an entry in seconds, if the call sets no `ttl`.
   * @default entries do not expire
   */
  ttl?: number
}

/** Options of a write. */
interface WriteOptions {
  /** Lifetime of the entry in seconds; 0 stores it without an expiry. */
  ttl?: number
}

/** Most entries of a bulk call that share one command timeout. */
const BULK_SIZE = 500

/**
 * Creates an unstorage driver on the shared Redis connection.
 *
 * Entries are stored under `<prefix>:storage:<base>:<key>`. Calls with one key settle within the command timeout and
 * reject with the error of Redis. `getKeys` and `clear` scan every master; each page of the scan has its own deadline.
 * `clear` deletes only keys of the mount. A base ends at a colon: clearing `user` does not delete `users:1`.
 *
 * @throws TypeError when `base` is empty or `ttl` is not a positive number
 */
export function redisStorageDriver({ connection, base, ttl }: RedisStorageOptions): Driver {
  if (!base) throw new TypeError('A storage mount on Redis has no base: pass a name such as \'redis\'.')
  checkTtl(ttl, `the mount ${base}`)
  // The name is encoded: a mount 'a:b' must not lie inside a mount 'a', and a brace would set the Cluster slot of all keys.
  const root = `${connection.prefix}:storage:${encodeURIComponent(base)}:`
  const toKey = (key: string): string => root + key
  const below = (start: string | undefined): string => `${escapeGlob(toKey(toBase(start)))}*`

  async function write(key: string, value: string | Buffer, options: WriteOptions | undefined): Promise<void> {
    const seconds = options?.ttl ?? ttl
    checkTtl(seconds, `the key ${key}`)
    await send(commander => seconds
      ? commander.set(toKey(key), value, 'PX', Math.max(1, Math.round(seconds * 1000)))
      : commander.set(toKey(key), value), 'SET')
  }

  /** Sends one command, and follows redirections while the slots of a Cluster move. */
  function send<T>(command: (commander: Commander) => unknown, name: RedisCommandName): Promise<T> {
    return connection.run(client => followRedirection<T>(client, command), undefined, name)
  }

  return {
    name: 'nuxt-scale-redis',
    flags: { ttl: true },
    options: { base, ttl },
    getInstance: () => connection.client,

    async hasItem(key) {
      return await send<number>(commander => commander.exists(toKey(key)), 'EXISTS') === 1
    },

    getItem: key => send<string | null>(commander => commander.get(toKey(key)), 'GET'),

    getItemRaw: key => send<Buffer | null>(commander => commander.getBuffer(toKey(key)), 'GET'),

    getItems: items => inBulk(items, ({ key }) => key, keys => connection.run(client => Promise.all(keys.map(async (key) => {
      return { key, value: await followRedirection<string | null>(client, commander => commander.get(toKey(key))) }
    })))),

    setItem: (key, value, options) => write(key, value, options),

    setItemRaw: async (key, value, options) => write(key, toBinary(value, key), options),

    async setItems(items, commonOptions) {
      await inBulk(items, item => item, entries => Promise.all(
        entries.map(({ key, value, options }) => write(key, value, { ...commonOptions, ...options })),
      ))
    },

    async removeItem(key) {
      await send(commander => commander.unlink(toKey(key)), 'UNLINK')
    },

    async getMeta(key): Promise<StorageMeta | null> {
      return metaOf(await connection.run(client => Promise.all([
        followRedirection<number>(client, commander => commander.pttl(toKey(key))),
        followRedirection<number>(client, commander => commander.strlen(toKey(key))),
      ])))
    },

    async getKeys(start) {
      const found = new Set<string>()
      await scanKeys(connection, below(start), keys => keys.forEach(key => found.add(key.slice(root.length))))
      return [...found]
    },

    async clear(start) {
      await scanKeys(connection, below(start), async (keys) => {
        await unlinkKeys(connection, keys)
      })
    },

    // The connection is shared, so unmounting must not close it.
    dispose() {},
  }
}

/** @param reply the answers of PTTL, which is -2 without an entry and -1 without an expiry, and of STRLEN */
function metaOf([milliseconds, size]: [number, number]): StorageMeta | null {
  if (milliseconds === -2) return null
  return milliseconds < 0 ? { size } : { ttl: Math.ceil(milliseconds / 1000), size }
}

/** Applies `work` to slices of bounded size, one after the other, so that each slice has its own command timeout. */
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

/** Ends a base with a colon, so that 'user' does not match 'users:1'. */
function toBase(start: string | undefined): string {
  return !start || start.endsWith(':') ? start ?? '' : `${start}:`
}

function toBinary(value: unknown, key: string): Buffer | string {
  if (typeof value === 'string') return value
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return Buffer.from(value)
  throw new TypeError(`The raw value of the storage key ${key} is not binary: pass a Buffer, a typed array or a string, or use setItem.`)
}

function checkTtl(seconds: unknown, owner: string): void {
  if (seconds !== undefined && (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 0)) {
    throw new TypeError(`The ttl of ${owner} is ${String(seconds)}: write a number of seconds, or 0 for no expiry.`)
  }
}
