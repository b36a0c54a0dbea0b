import type { TlsOptions, TlsSettings } from '../core/tls'
import { parseTlsOptions, TLS_OPTIONS } from '../core/tls'
import { readSwitch } from '../settings'
import type { SourcedValue } from './sourced-value'
import { isSet } from './sourced-value'

/** What TLS needs beyond "on"; the same meaning as in Node's `tls.connect`. */
export type RedisTls = TlsOptions

/**
 * Decides whether and how the connection is encrypted: the option, else the URL, else the plain name.
 * `false` as an option is stronger than the plain name, but not than a `rediss://` URL.
 *
 * @param fromUrl present when the URL asks for TLS
 * @returns undefined for a connection in the clear
 * @throws Error naming a value that is neither a switch nor a block of TLS options, or an option of the block that is wrong or unknown
 */
export function resolveTls(option: SourcedValue | undefined, fromUrl: TlsSettings | undefined, plain: SourcedValue | undefined): TlsSettings | undefined {
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
function parseTls(source: SourcedValue | undefined): TlsSettings | false | undefined {
  if (!source) {
    return undefined
  }
  const { label } = source
  const value = fromJson(source.value)
  const flag = readSwitch(value)
  if (flag !== undefined) {
    return flag && {}
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${label} is not a switch: write true, false or { ${TLS_OPTIONS.join(', ')} }, in an environment variable as JSON.`)
  }
  const settings = parseTlsOptions(value, label)
  const isEmptyBlock = Object.keys(value).length > 0 && !Object.values(value).some(isSet)
  // A block of empty fields is the shape that run-time configuration has when nobody filled it in.
  return isEmptyBlock ? undefined : settings
}

/** A block in an environment variable, where nothing has read it as JSON yet. */
function fromJson(value: unknown): unknown {
  if (typeof value !== 'string' || !value.trimStart().startsWith('{')) return value
  try {
    return JSON.parse(value)
  }
  catch {
    return value
  }
}
