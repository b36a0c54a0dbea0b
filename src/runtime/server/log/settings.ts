import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'
import { parseChoice } from '../core/settings'
import type { TrustedAddresses } from '../core/trusted-addresses'
import { compileTrustedAddresses } from '../core/trusted-addresses'

/** `scale.log`: an id for each request, and log lines as JSON. The feature is off unless the option is set. */
export interface LogModuleOptions {
  /**
   * Format of the lines of the module, and of errors that the app does not handle. `'json'` applies in production only.
   * @default 'text'
   * @env NUXT_SCALE_LOG_FORMAT
   */
  format?: 'text' | 'json'
  /**
   * Name of the header that contains the id of a request. The response returns the id in it.
   * @default 'x-request-id'
   * @env NUXT_SCALE_LOG_HEADER
   */
  header?: string
  /**
   * Addresses and CIDR ranges that may choose the id of a request with the header. `'any'` trusts every peer.
   * @default []
   * @env NUXT_SCALE_LOG_TRUSTED_PROXIES a JSON list
   */
  trustedProxies?: TrustedAddresses
}

/** Validated settings. */
interface LogSettings {
  format: 'text' | 'json'
  /** In lower case. */
  header: string
  /** Returns whether a peer may choose the id of a request. */
  trusts: (address: string | undefined) => boolean
}

const OPTION = 'scale.log'

/** The options of `scale.log`. */
export const logSettings = defineSettings({
  path: OPTION,
  defaults: { format: 'text', header: 'x-request-id', trustedProxies: [] },
  resolve: resolveLog,
})

function resolveLog({ format, header, trustedProxies }: Complete<LogModuleOptions>): LogSettings {
  return {
    format: parseChoice(format, ['text', 'json'], `${OPTION}.format`),
    header: parseHeader(header),
    trusts: compileTrustedAddresses(trustedProxies, `${OPTION}.trustedProxies`),
  }
}

function parseHeader(header: unknown): string {
  if (typeof header === 'string' && /^[\w-]+$/.test(header)) return header.toLowerCase()
  throw new TypeError(`${OPTION}.header is ${JSON.stringify(header)}: write the name of a header, such as 'x-request-id'.`)
}
