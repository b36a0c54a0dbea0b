import { parseSwitch, refuseUnknownKeys } from './settings'

/** Options of an encrypted connection. They mean the same as in `tls.connect` of Node. */
export interface TlsOptions {
  /** Certificate of your own authority, in PEM. It replaces the authorities that Node trusts. */
  ca?: string
  /** Certificate of this client, in PEM, for servers that require one. It needs `key`. */
  cert?: string
  /** Private key of `cert`, in PEM. Set it in the environment only. */
  key?: string
  /**
   * The name that the certificate of the server must contain.
   * @default the host of the connection
   */
  servername?: string
  /**
   * Whether the certificate of the server is verified. `false` accepts any certificate, so an attacker in the network can read the traffic.
   * @default true
   */
  rejectUnauthorized?: boolean
}

/** The options that are set, in the form of `tls.connect`. */
export type TlsSettings = Readonly<TlsOptions>

export const TLS_OPTIONS = ['ca', 'cert', 'key', 'servername', 'rejectUnauthorized'] as const satisfies readonly (keyof TlsOptions)[]

/**
 * Validates an object of TLS options. An empty string means that an option is not set.
 *
 * @param given an object
 * @param path path of the option, for errors
 * @throws Error naming the option that is wrong or unknown. It never shows a value, because one of them is a secret
 */
export function parseTlsOptions(given: object, path: string): TlsSettings {
  refuseUnknownKeys(given, TLS_OPTIONS, path)
  const { rejectUnauthorized, ...texts } = given as Record<string, unknown>
  const settings: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(texts)) {
    if (isEmpty(text)) continue
    if (name === 'servername') {
      if (typeof text !== 'string') throw new TypeError(`${path}.servername must be a string: write the host name of the certificate.`)
    }
    else if (typeof text !== 'string' || !text.includes('-----BEGIN ')) {
      throw new TypeError(`${path}.${name} must be PEM: write the content of the file, beginning with -----BEGIN.`)
    }
    settings[name] = text
  }
  if (!isEmpty(rejectUnauthorized)) settings.rejectUnauthorized = parseSwitch(rejectUnauthorized, `${path}.rejectUnauthorized`)
  return settings
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}
