import { readSwitch } from '../settings'
import type { SourcedValue } from './sourced-value'
import { isSet } from './sourced-value'

/** What TLS needs beyond "on"; the same meaning as in Node's `tls.connect`. */
export interface RedisTls {
  ca?: string
  cert?: string
  key?: string
  servername?: string
  rejectUnauthorized?: boolean
}

/**
 * Decides whether and how the connection is encrypted: the option, else the URL, else the plain name.
 * `false` as an option is stronger than the plain name, but not than a `rediss://` URL.
 *
 * @param fromUrl present when the URL asks for TLS
 * @returns undefined for a connection in the clear
 * @throws Error naming a value that is neither a switch nor a block of TLS fields
 */
export function resolveTls(option: SourcedValue | undefined, fromUrl: RedisTls | undefined, plain: SourcedValue | undefined): RedisTls | undefined {
  const fromOption = parseTls(option)
  if (fromOption) {
    return fromOption
  }
  if (fromUrl) {
    return fromUrl
  }
  return (fromOption ?? parseTls(plain)) || undefined
}

/** False when it is turned off in so many words, undefined when nothing is said. */
function parseTls(source: SourcedValue | undefined): RedisTls | false | undefined {
  if (!source) {
    return undefined
  }
  const { value, label } = source
  const flag = readSwitch(value)
  if (flag !== undefined) {
    return flag && {}
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${label} is not a switch: write true, false or { ca, cert, key, servername, rejectUnauthorized }.`)
  }
  const fields = Object.entries(value as RedisTls)
  const given = fields.filter(([, field]) => isSet(field))
  // A block of empty fields is the shape that run-time configuration has when nobody filled it in.
  return fields.length > 0 && given.length === 0 ? undefined : Object.fromEntries(given)
}
