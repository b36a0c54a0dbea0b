import { parseSwitch, refuseUnknownKeys } from './settings'

/** What an encrypted connection needs beyond "on". The same meaning as in Node's `tls.connect`. */
export interface TlsOptions {
  /** Certificate of your own authority in PEM. It takes the place of those that Node knows. */
  ca?: string
  /** Certificate of this client in PEM, for servers that ask for one. With `key`. */
  cert?: string
  /** Private key of `cert` in PEM. */
  key?: string
  /** The name that the server's certificate must contain. */
  servername?: string
  /** `false` trusts any server, so it does not protect from somebody in between. */
  rejectUnauthorized?: boolean
}

/** The options that are set, as Node takes them. */
export type TlsSettings = Readonly<TlsOptions>

export const TLS_OPTIONS = ['ca', 'cert', 'key', 'servername', 'rejectUnauthorized'] as const satisfies readonly (keyof TlsOptions)[]

/**
 * Reads a block of TLS options. An empty string is an option that is not set.
 *
 * @param given an object
 * @param path the option that holds the block, for errors
 * @throws Error naming the option that is wrong or unknown, and showing the value of none: one of them is a secret
 */
export function parseTlsOptions(given: object, path: string): TlsSettings {
  refuseUnknownKeys(given, TLS_OPTIONS, path)
  const { rejectUnauthorized, ...texts } = given as Record<string, unknown>
  const settings: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(texts)) {
    if (isEmpty(text)) continue
    if (name === 'servername') {
      if (typeof text !== 'string') throw new TypeError(`${path}.servername must be the name of a server.`)
    }
    else if (typeof text !== 'string' || !text.includes('-----BEGIN ')) {
      throw new TypeError(`${path}.${name} is no PEM: write the text of the file, from -----BEGIN on.`)
    }
    settings[name] = text
  }
  if (!isEmpty(rejectUnauthorized)) settings.rejectUnauthorized = parseSwitch(rejectUnauthorized, `${path}.rejectUnauthorized`)
  return settings
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}
