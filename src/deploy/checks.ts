import { isIP } from 'node:net'
import { show, parseObject, refuseUnknownKeys } from '../runtime/server/core/settings'

/**
 * Checks of values that are written into files of other programs. Each program quotes values differently, and `$` and `{` are special in
 * most of them. So only characters that are not special anywhere are allowed. Every function throws an error that names the option.
 */

const NAME = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`, 'i')

function parseText(value: unknown, pattern: RegExp, path: string, wanted: string): string {
  if (typeof value === 'string' && pattern.test(value) && value.length <= 1024) return value
  throw new TypeError(`${path} is ${show(value)}: write ${wanted}.`)
}

/** Checks a name that Kubernetes, DNS and nginx accept. */
export function parseName(value: unknown, path: string): string {
  return parseText(value, NAME, path, 'at most 40 lower-case letters, digits and dashes that begin with a letter, such as \'shop\'')
}

/** Checks the host name or IP address of a server. */
export function parseServerHost(value: unknown, path: string): string {
  if (typeof value === 'string' && value.length <= 253 && (isIP(value) > 0 ? !value.includes('%') : DOMAIN.test(value))) return value
  throw new TypeError(`${path} is ${show(value)}: write a host name or an address, such as '10.0.0.1', without scheme and port.`)
}

/** Checks a domain of the app, with an optional `*.` at the beginning. */
export function parseServerName(value: unknown, path: string): string {
  if (typeof value === 'string' && value.length <= 253 && DOMAIN.test(value.replace(/^\*\./, ''))) return value.toLowerCase()
  throw new TypeError(`${path} is ${show(value)}: write a domain, such as 'shop.example' or '*.shop.example'.`)
}

/** Checks the absolute path of a file or a folder on the machine of the balancer. */
export function parseFile(value: unknown, path: string): string {
  return parseText(value, /^(?:\/[\w.+@~-]+)+$/, path, 'an absolute path of letters, digits and ._-+@~, such as \'/etc/ssl/shop.pem\'')
}

/** A path of the app; with `/**` at the end, the path and everything below it. */
export interface PathPattern {
  /** Without `/**` and without a trailing slash; '' for the root of the app. */
  path: string
  /** Whether paths below it are included. */
  tree: boolean
}

/** Checks a path pattern. @param base prefix of every path of the app, without a trailing slash */
export function parsePathPattern(value: unknown, path: string, base = ''): PathPattern {
  const wanted = 'a path of letters, digits and ._~@:+,- that begins with a slash, and may end in /**, such as \'/api/**\''
  const pattern = parseText(value, /^(?:\/[\w.~@:+,-]+)*(?:\/\*\*|\/)?$/, path, wanted)
  if (pattern === '') throw new TypeError(`${path} is "": write '/**' for the whole app.`)
  const tree = pattern.endsWith('/**')
  return { path: base + (tree ? pattern.slice(0, -3) : pattern.replace(/\/$/, '')), tree }
}

/** Checks a path of the app without `/**`. Returns it without a trailing slash. */
export function parsePlainPath(value: unknown, path: string): string {
  return parseText(value, /^(?:\/[\w.~@:+,-]+)*\/?$/, path, 'a path of letters, digits and ._~@:+,- that begins '
    + 'with a slash').replace(/\/$/, '')
}

/** Checks the name of a cookie; `*` matches any characters. */
export function parseCookiePattern(value: unknown, path: string): string {
  return parseText(value, /^[\w.*-]+$/, path, 'a name of letters, digits and ._-*, such as \'*session*\'')
}

/** Checks the name of a request header. */
export function parseHeaderName(value: unknown, path: string): string {
  return parseText(value, /^[a-z0-9-]+$/i, path, 'letters, digits and dashes, such as \'x-tenant-id\'')
}

/** Checks the registry, name and tag of an image. */
export function parseImage(value: unknown, path: string): string {
  const pattern = /^[a-z0-9][\w.-]*(?::\d+)?(?:\/[\w.-]+)*(?::[\w.-]+)?(?:@sha256:[a-f0-9]{64})?$/i
  return parseText(value, pattern, path, 'an image with its tag, such as \'registry.example/shop:1.2.3\'')
}

/** Checks a quantity of Kubernetes. */
export function parseQuantity(value: unknown, path: string): string {
  return parseText(
    typeof value === 'number' ? String(value) : value,
    /^\d+(?:\.\d+)?(?:m|Ki|Mi|Gi|Ti)?$/,
    path,
    'a quantity, such as \'250m\' or \'512Mi\'',
  )
}

/** Checks the name of a Kubernetes object. */
export function parseObjectName(value: unknown, path: string): string {
  return parseText(value, new RegExp(`^${LABEL}(?:\\.${LABEL})*$`), path, 'lower-case letters, digits and dashes, such as \'shop\'')
}

/** Checks the name of an environment variable. */
export function parseVariable(value: unknown, path: string): string {
  return parseText(value, /^[A-Z_]\w*$/i, path, 'the name of an environment variable, such as \'DATABASE_URL\'')
}

/**
 * Checks that a block of options is an object without unknown options.
 *
 * @throws Error that names the block, or the unknown option
 */
export function group(value: unknown, path: string, keys: readonly string[]): Record<string, unknown> {
  const values = parseObject(value ?? {}, path)
  refuseUnknownKeys(values, keys, path)
  return values
}
