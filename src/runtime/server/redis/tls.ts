import type { TlsOptions, TlsSettings } from '../core/tls'
import { parseTlsOptions, TLS_OPTIONS } from '../core/tls'
import { readSwitch } from '../core/settings'
import type { SourcedValue } from './sourced-value'
import { isSet } from './sourced-value'

/** TLS options of the connection. They mean the same as in `tls.connect` of Node. */
export type RedisTls = TlsOptions

/**
 * Decides whether and how the connection is encrypted: by the option, else by the URL, else by the plain variable.
 * The option `false` overrides the plain variable, but it does not override a `rediss://` URL.
 *
 * @param fromUrl present if the URL begins with `rediss://`
 * @returns undefined for an unencrypted connection
 * @throws Error naming a value that is neither a boolean nor an object of TLS options, or a TLS option that is wrong or unknown
 */
export function resolveTls(
  option: SourcedValue | undefined, fromUrl: TlsSettings | undefined, plain: SourcedValue | undefined,
): TlsSettings | undefined {
  const fromOption = parseTls(option)
  if (fromOption) return fromOption
  if (fromUrl) return fromUrl
  return (fromOption ?? parseTls(plain)) || undefined
}

/** Returns `false` if TLS is disabled, and `undefined` if it is not set. */
function parseTls(source: SourcedValue | undefined): TlsSettings | false | undefined {
  if (!source) return undefined
  const { label } = source
  const value = fromJson(source.value)
  const flag = readSwitch(value)
  if (flag !== undefined) return flag && {}
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(
      `${label} must be a boolean or an object: write true, false or { ${TLS_OPTIONS.join(', ')} }, as JSON in an environment variable.`,
    )
  }
  const settings = parseTlsOptions(value, label)
  const isEmptyBlock = Object.keys(value).length > 0 && !Object.values(value).some(isSet)
  // An object with empty fields only is run-time configuration that was not filled in.
  return isEmptyBlock ? undefined : settings
}

/** Parses an object from a plain variable, which Nitro does not parse as JSON. */
function fromJson(value: unknown): unknown {
  if (typeof value !== 'string' || !value.trimStart().startsWith('{')) return value
  try {
    return JSON.parse(value)
  }
  catch {
    return value
  }
}
