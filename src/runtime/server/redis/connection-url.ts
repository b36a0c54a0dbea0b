import type { RedisNode } from './address'
import { DEFAULT_PORT, parsePort, withoutBrackets } from './address'
import type { SourcedValue } from './sourced-value'
import type { RedisTls } from './tls'

/** The parts of a `redis://` or `rediss://` URL. */
export interface ConnectionUrl extends RedisNode {
  username: string | undefined
  password: string | undefined
  /** The path of the URL, not validated yet. */
  database: SourcedValue | undefined
  /** Present for `rediss://`. */
  tls: RedisTls | undefined
}

/**
 * Parses a connection URL. Errors never show any part of it, because each part of a malformed URL may be the password.
 *
 * @throws Error naming what is wrong with the URL
 */
export function parseConnectionUrl({ value, label }: SourcedValue): ConnectionUrl {
  const form = 'write redis://host:6379/0, or rediss:// for TLS, with special characters of the password percent-encoded'
  let url: URL
  try {
    url = new URL(String(value))
  }
  catch {
    throw new Error(`${label} is not a valid URL: ${form}.`)
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw new Error(`${label} has an unknown protocol: ${form}.`)
  }
  if (!url.hostname) {
    throw new Error(`${label} has no host: ${form}.`)
  }
  if (url.search || url.hash) {
    throw new Error(
      `${label} has a part after '?' or '#', which the module does not read: move it to the options of scale.redis, or percent-encode it.`,
    )
  }
  const database = decode(url.pathname.slice(1), label)
  return {
    host: withoutBrackets(url.hostname),
    port: parsePort(url.port || DEFAULT_PORT, label),
    username: decode(url.username, label) || undefined,
    password: decode(url.password, label) || undefined,
    database: database ? { value: database, label } : undefined,
    tls: url.protocol === 'rediss:' ? {} : undefined,
  }
}

function decode(part: string, label: string): string {
  try {
    return decodeURIComponent(part)
  }
  catch {
    throw new Error(`${label} has a '%' that is not part of a percent-encoding: write it as %25.`)
  }
}
