import { defineScript } from '../redis/script'
import { WRITE_ID_LENGTH, WRITE_ID_START } from './entry'

/** Markers that the lease key contains while no load runs: the last value must not be stored, or the last load failed. */
export const UNCACHEABLE = 'uncacheable'
export const FAILED = 'failed'

/** Lua that sets `now` to Redis TIME in µs, as a string. `tostring` would round it to 14 digits. */
const TIME_IN_MICROSECONDS = `local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])`

/**
 * Returns Lua that publishes a message, so that the change and its message are one step. On a Cluster the channel is empty, and the
 * caller publishes the message.
 *
 * @param channel index of the channel in ARGV; the message follows it
 */
function publish(channel: number): string {
  return `if ARGV[${channel}] ~= '' then redis.call('PUBLISH', ARGV[${channel}], ARGV[${channel + 1}]) end`
}

/**
 * Competes for the lease of a key.
 * The write id is compared first: if another process wrote the entry after the caller's read, the caller must read it, not load again.
 * The caller also wins if the lease already holds its token, because the client may have sent the script twice after a lost reply.
 *
 * KEYS: entry, lease.
 * ARGV: write id of the entry that the caller read ('' for none), token, lifetime of the lease in ms,
 * remaining time in ms at or below which a `failed` marker may be taken over.
 */
export const acquireLease = defineScript(`
if redis.call('GETRANGE', KEYS[1], ${WRITE_ID_START}, ${WRITE_ID_START + WRITE_ID_LENGTH - 1}) ~= ARGV[1] then return {'changed'} end
local holder = redis.call('GET', KEYS[2])
local stolen = holder == '${FAILED}' and redis.call('PTTL', KEYS[2]) <= tonumber(ARGV[4])
if stolen then holder = false end
if holder and holder ~= ARGV[2] then
  if holder == '${UNCACHEABLE}' or holder == '${FAILED}' then return {holder} end
  return {'held'}
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
${TIME_IN_MICROSECONDS}
return {'won', now, stolen and 1 or 0}`)

/** Extends a lease that still holds the token. KEYS: lease. ARGV: token, ms. */
export const renewLease = defineScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`)

/**
 * Ends a lease without a write, if it still holds the token.
 * `drop` deletes the old entry: a value that may no longer be stored must not be served stale either.
 * If Redis has no memory for the marker, the lease is deleted, so that waiters do not wait until it expires.
 *
 * KEYS: entry, lease. ARGV: token, marker ('' deletes), marker ms, 'drop' or 'keep' for the entry, channel, message.
 */
export const settleLease = defineScript(`
if redis.call('GET', KEYS[2]) == ARGV[1] then
  local marked = ARGV[2] ~= '' and redis.pcall('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
  if not marked or marked.err then redis.call('UNLINK', KEYS[2]) end
  if ARGV[4] == 'drop' then redis.call('UNLINK', KEYS[1]) end
end
${publish(5)}
return 1`)

/**
 * Fenced write: stores the entry only if the lease still holds the token. An invalidation during the load deletes the lease.
 * Returns 1 if the entry was stored, otherwise 0.
 *
 * KEYS: entry, lease. ARGV: token, entry, ms, channel, message.
 *
 * @see leases: Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, §3.2.1
 */
export const writeEntry = defineScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('UNLINK', KEYS[2])
${publish(4)}
return 1`)

/**
 * Stores an entry unconditionally. It deletes the lease, so that a running load cannot overwrite the entry.
 * KEYS: entry, lease. ARGV: entry, ms, channel, message.
 */
export const setEntry = defineScript(`
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('UNLINK', KEYS[2])
${publish(3)}
return 1`)

/** Deletes an entry and its lease. Returns 1 if there was an entry. KEYS: entry, lease. ARGV: channel, message. */
export const deleteEntry = defineScript(`
local deleted = redis.call('UNLINK', KEYS[1])
redis.call('UNLINK', KEYS[2])
${publish(1)}
return deleted`)

/** Age in µs of the first version of a tag. It must be older than any running load; otherwise it would count as an invalidation. */
const BEFORE_ANY_LOAD = 3_600_000_000

/**
 * Returns the version of a tag and extends its lifetime. A missing version is created.
 * KEYS: tag. ARGV: minimum lifetime in ms.
 */
export const noteTag = defineScript(`
local version = redis.call('GET', KEYS[1])
if version then
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], 2 * ARGV[1]) end
  return version
end
local time = redis.call('TIME')
version = string.format('%.0f', time[1] * 1000000 + time[2] - ${BEFORE_ANY_LOAD})
redis.call('SET', KEYS[1], version, 'PX', 2 * ARGV[1])
return version`)

/**
 * Invalidates a tag: the new version is above the old one and at least the current time.
 * A plain counter would restart at 1 after an eviction and could reach a version that an entry still contains.
 * If Redis has no memory for the version, the tag is deleted: a missing version counts as an invalidation.
 *
 * KEYS: tag. ARGV: lifetime in ms, channel, message without the version.
 */
export const bumpTag = defineScript(`
${TIME_IN_MICROSECONDS}
local old = redis.call('GET', KEYS[1])
local life = tonumber(ARGV[1])
if old then
  if tonumber(old) >= tonumber(now) then now = string.format('%.0f', tonumber(old) + 1) end
  life = math.max(life, redis.call('PTTL', KEYS[1]))
end
local done = redis.pcall('SET', KEYS[1], now, 'PX', life)
if type(done) == 'table' and done.err then redis.call('UNLINK', KEYS[1]) end
if ARGV[2] ~= '' then redis.call('PUBLISH', ARGV[2], ARGV[3] .. ' ' .. now) end
return now`)
