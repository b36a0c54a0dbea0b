/**
 * Public sentences for clients, by error code. Codes are part of the public interface and never change.
 * The sentences name no host, database, queue, shard, option, file or variable of the server.
 */
export const PUBLIC_SENTENCES = {
  BLOCKED: 'The message was not sent. Try again later.',
  BUFFER_FULL: 'The message was not sent. Try again later.',
  CLOSED: 'The message was not sent. Try again later.',
  CURSOR_INVALID: 'The cursor does not belong to this list. Start again without it.',
  DATABASE_BUSY: 'The database is busy. Try again later.',
  DATABASE_CLOSED: 'This server is stopping. Try again.',
  DATABASE_EVICTED: 'The database connection was closed too early.',
  DATABASE_FACTORY: 'The database cannot be used.',
  DATABASE_UNKNOWN: 'There is no database for this request.',
  EXCHANGE: 'The message was not stored.',
  HOST_INVALID: 'The request has more than one Host.',
  PAGINATION_INVALID: 'A query parameter of this list is not valid.',
  RATE_LIMITED: 'Too many requests. Try again later.',
  REDIS_TIMEOUT: 'A service behind this server did not answer in time. Try again later.',
  REDIS_UNAVAILABLE: 'A service behind this server is not available. Try again later.',
  REFUSED: 'The message was not stored.',
  REGION_UNKNOWN: 'There is no such region.',
  SHARD_FAILED: 'A part of the data could not be read or written.',
  SHARD_ID_INVALID: 'The id is not valid.',
  SHARD_TIMEOUT: 'A part of the data did not answer in time. Try again later.',
  STALE_SHARD_MAP: 'This data is moving to another place. Try again.',
  TENANTS_UNAVAILABLE: 'The tenant of this request cannot be looked up now. Try again later.',
  TENANT_FORBIDDEN: 'You may not act for this tenant.',
  TENANT_INVALID: 'The request names its tenant in a wrong form.',
  TENANT_MISMATCH: 'The request names two different tenants.',
  TENANT_MISSING: 'The request names no tenant.',
  TENANT_UNKNOWN: 'There is no such tenant.',
  UNAVAILABLE: 'The message was not sent. Try again later.',
  UNKNOWN_OUTCOME: 'The message was sent, but nothing confirmed it.',
  UNROUTABLE: 'The message was not stored.',
  WORKER_ONLY: 'This instance does not answer requests. Try again.',
} as const satisfies Record<string, string>

/** A stable code by which programs distinguish errors. */
export type ErrorCode = keyof typeof PUBLIC_SENTENCES
