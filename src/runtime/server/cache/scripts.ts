import { defineScript } from '../redis-script'
import { WRITE_ID_LENGTH, WRITE_ID_START } from './entry'

/** What the lease key holds while nobody loads: the last load gave nothing that may be stored, or it failed. */
export const UNCACHEABLE = 'uncacheable'
export const FAILED = 'failed'

/** Redis TIME in microseconds as a string. `tostring` would round it to 14 digits. */
const TIME_IN_MICROSECONDS = `local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])`

/** On one server the message goes out inside the script, so that deletion and message are one step. On a Cluster the channel is empty. */
function publish(channel: number): string {
  return `if ARGV[${channel}] ~= '' then redis.call('PUBLISH', ARGV[${channel}], ARGV[${channel + 1}]) end`
}

/**
 * Competes for the one load of a key.
 * KEYS: entry, lease. ARGV: write id that the caller saw ('' for none), token, lease ms, least age in ms of a `failed` marker that may be taken over.
 * The comparison comes first: a write that landed between the caller's read and this call must be read, not loaded again.
 */
export const acquireLease = defineScript(`
if redis.call('GETRANGE', KEYS[1], ${WRITE_ID_START}, ${WRITE_ID_START + WRITE_ID_LENGTH - 1}) ~= ARGV[1] then return {'changed'} end
local holder = redis.call('GET', KEYS[2])
if holder == '${FAILED}' and redis.call('PTTL', KEYS[2]) <= tonumber(ARGV[4]) then holder = false end
if holder and holder ~= ARGV[2] then
  if holder == '${UNCACHEABLE}' or holder == '${FAILED}' then return {holder} end
  return {'held'}
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
${TIME_IN_MICROSECONDS}
return {'won', now}`)

/** Prolongs a lease that is still ours. KEYS: lease. ARGV: token, ms. */
export const renewLease = defineScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`)

/**
 * Ends a lease that is still ours without a write. What may not be stored any more is not served stale either, so its old entry is dropped.
 * Out of memory the lease is deleted instead of marked, so that those who wait for it do not wait for its end.
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
 * The fenced write (leases of Nishtala et al., NSDI 2013, §3.2.1): nothing is stored when somebody took the lease away meanwhile.
 * KEYS: entry, lease. ARGV: token, entry, ms, channel, message.
 */
export const writeEntry = defineScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('UNLINK', KEYS[2])
${publish(4)}
return 1`)

/** An unconditional write. It takes the lease away, so that a load that began before cannot overwrite it. KEYS: entry, lease. ARGV: entry, ms, channel, message. */
export const setEntry = defineScript(`
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('UNLINK', KEYS[2])
${publish(3)}
return 1`)

/** KEYS: entry, lease. ARGV: channel, message. Returns 1 when there was an entry. */
export const deleteEntry = defineScript(`
local deleted = redis.call('UNLINK', KEYS[1])
redis.call('UNLINK', KEYS[2])
${publish(1)}
return deleted`)

/** How far back the first version of a tag is dated, in µs, so that nobody takes it for an invalidation. */
const BEFORE_ANY_LOAD = 3_600_000_000

/**
 * The version of a tag, made when it is missing and kept alive. KEYS: tag. ARGV: ms to live at least.
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
 * Invalidates a tag: a version above the old one and never below the time, so that a counter lost to eviction does not start again at a value that an entry still holds.
 * Out of memory the tag is deleted instead, since a missing version reads as newer.
 * KEYS: tag. ARGV: ms to live, channel, message without the version.
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
