import { refuseOtherThanObject } from '../core/settings'
import type { TlsSettings } from '../core/tls'
import { parseTlsOptions } from '../core/tls'

/** `scale.rabbitmq.tls`: TLS options for `amqps://` addresses. They have the same meaning as in Node's `tls.connect`. */
export interface RabbitmqTlsOptions {
  /**
   * Certificate of your own certificate authority, in PEM format. It replaces the authorities that Node trusts by default.
   * @default ''
   * @env NUXT_SCALE_RABBITMQ_TLS_CA
   */
  ca?: string
  /**
   * Client certificate in PEM format, for servers that require one. Set it together with `key`.
   * @default ''
   * @env NUXT_SCALE_RABBITMQ_TLS_CERT
   */
  cert?: string
  /**
   * Private key of `cert` in PEM format. It is a secret: set it with the environment variable, not in nuxt.config.
   * @default ''
   * @env NUXT_SCALE_RABBITMQ_TLS_KEY
   */
  key?: string
  /**
   * Host name that the server's certificate must contain.
   * @default '' (the host of the URL)
   * @env NUXT_SCALE_RABBITMQ_TLS_SERVERNAME
   */
  servername?: string
  /**
   * Whether to verify the server's certificate. `false` accepts any certificate, so an attacker between app and server can read
   * everything.
   * @default true
   * @env NUXT_SCALE_RABBITMQ_TLS_REJECT_UNAUTHORIZED
   */
  rejectUnauthorized?: boolean
}

export const rabbitmqTlsDefaults = {
  ca: '',
  cert: '',
  key: '',
  servername: '',
  rejectUnauthorized: true,
} as const satisfies RabbitmqTlsOptions

/**
 * Validates the TLS options.
 *
 * @returns undefined when no option is set
 * @throws Error that names the invalid option, but never shows a value, because `key` is a secret
 */
export function parseTls(value: unknown, urls: readonly string[], path: string): TlsSettings | undefined {
  refuseOtherThanObject(value, path)
  const { rejectUnauthorized, ...texts } = parseTlsOptions(value as object, path)
  // `true` is the default, so it does not count as an option that the user has set.
  const settings: TlsSettings = rejectUnauthorized === false ? { ...texts, rejectUnauthorized } : texts
  if (Object.keys(settings).length === 0) return undefined
  if ((settings.cert === undefined) !== (settings.key === undefined)) {
    throw new Error(`${path} has only one of cert and key: write both, or neither.`)
  }
  if (urls.length > 0 && !urls.every(url => /^amqps:/i.test(url))) {
    throw new Error(`${path} is set, but an address of RabbitMQ begins with amqp://, which is not encrypted: write amqps://.`)
  }
  return settings
}
