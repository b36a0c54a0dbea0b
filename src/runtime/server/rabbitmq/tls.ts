import { refuseOtherThanObject } from '../settings'
import type { TlsSettings } from '../core/tls'
import { parseTlsOptions } from '../core/tls'

/** `scale.rabbitmq.tls`: what `amqps://` needs beyond the authorities that Node knows. The same meaning as in Node's `tls.connect`. */
export interface RabbitmqTlsOptions {
  /**
   * Certificate of your own authority in PEM. It takes the place of those that Node knows.
   * @default ''
   * @env NUXT_SCALE_RABBITMQ_TLS_CA
   */
  ca?: string
  /**
   * Certificate of this client in PEM, for servers that ask for one. With `key`.
   * @default ''
   * @env NUXT_SCALE_RABBITMQ_TLS_CERT
   */
  cert?: string
  /**
   * Private key of `cert` in PEM. Set it where the server starts.
   * @default ''
   * @env NUXT_SCALE_RABBITMQ_TLS_KEY
   */
  key?: string
  /**
   * The name that the server's certificate must bear.
   * @default '' (the host of the URL)
   * @env NUXT_SCALE_RABBITMQ_TLS_SERVERNAME
   */
  servername?: string
  /**
   * `false` trusts whoever answers, and so hides nothing from somebody in between.
   * @default true
   * @env NUXT_SCALE_RABBITMQ_TLS_REJECT_UNAUTHORIZED
   */
  rejectUnauthorized?: boolean
}

export const rabbitmqTlsDefaults = { ca: '', cert: '', key: '', servername: '', rejectUnauthorized: true } as const satisfies RabbitmqTlsOptions

/**
 * @returns undefined when nothing is set
 * @throws Error naming the option that is wrong, and showing the value of none: one of them is a secret
 */
export function parseTls(value: unknown, urls: readonly string[], path: string): TlsSettings | undefined {
  refuseOtherThanObject(value, path)
  const { rejectUnauthorized, ...texts } = parseTlsOptions(value as object, path)
  // The default of this option, which is set even when nobody wrote it.
  const settings: TlsSettings = rejectUnauthorized === false ? { ...texts, rejectUnauthorized } : texts
  if (Object.keys(settings).length === 0) return undefined
  if ((settings.cert === undefined) !== (settings.key === undefined)) throw new Error(`${path} has one of cert and key: write both, or neither.`)
  if (urls.length > 0 && !urls.every(url => /^amqps:/i.test(url))) throw new Error(`${path} is set, and an address of RabbitMQ begins with amqp://, which is not encrypted: write amqps://.`)
  return settings
}
