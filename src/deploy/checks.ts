import { isIP } from 'node:net'
import { show } from '../runtime/server/core/settings'

/**
 * Values that end up in files of other programs. Each of those has its own way to quote, and `$` and `{` mean something in most of them,
 * so that only characters that mean nothing anywhere are let through. Every function throws one sentence that names the option.
 */

const NAME = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`, 'i')

function parseText(value: unknown, pattern: RegExp, path: string, wanted: string): string {
  if (typeof value === 'string' && pattern.test(value) && value.length <= 1024) return value
  throw new TypeError(`${path} is ${show(value)}: write ${wanted}.`)
}

/** A name that Kubernetes, DNS and nginx all take. */
export function parseName(value: unknown, path: string): string {
  return parseText(value, NAME, path, 'at most 40 lower-case letters, digits and dashes that begin with a letter, such as \'shop\'')
}

/** Host and domain of a server to connect to: a name, or an address. */
export function parseHost(value: unknown, path: string): string {
  if (typeof value === 'string' && value.length <= 253 && (isIP(value) > 0 ? !value.includes('%') : DOMAIN.test(value))) return value
  throw new TypeError(`${path} is ${show(value)}: write a host name or an address, such as '10.0.0.1', without scheme and port.`)
}

/** A domain that the app is known by; `*.` may stand before it. */
export function parseServerName(value: unknown, path: string): string {
  if (typeof value === 'string' && value.length <= 253 && DOMAIN.test(value.replace(/^\*\./, ''))) return value.toLowerCase()
  throw new TypeError(`${path} is ${show(value)}: write a domain, such as 'shop.example' or '*.shop.example'.`)
}

/** The absolute path of a file or a folder on the machine of the balancer. */
export function parseFile(value: unknown, path: string): string {
  return parseText(value, /^(?:\/[\w.+@~-]+)+$/, path, 'an absolute path of letters, digits and ._-+@~, such as \'/etc/ssl/shop.pem\'')
}

/** A path of the app: all of it, or the beginning of it when it ends in `/**`. */
export interface PathPattern {
  /** Without `/**`, and without a slash at the end; '' for the begin of the app. */
  path: string
  /** Whether all below it is meant too. */
  tree: boolean
}

/** @param base what stands before every path of the app, without a slash at the end */
export function parsePathPattern(value: unknown, path: string, base = ''): PathPattern {
  const pattern = parseText(value, /^(?:\/[\w.~@:+,-]+)*(?:\/\*\*|\/)?$/, path, 'a path of letters, digits and ._~@:+,- that begins with a slash, and may end in /**, such as \'/api/**\'')
  if (pattern === '') throw new TypeError(`${path} is "": write '/**' for the whole app.`)
  const tree = pattern.endsWith('/**')
  return { path: base + (tree ? pattern.slice(0, -3) : pattern.replace(/\/$/, '')), tree }
}

/** A plain path of the app, without a slash at the end. */
export function parsePlainPath(value: unknown, path: string): string {
  return parseText(value, /^(?:\/[\w.~@:+,-]+)*\/?$/, path, 'a path of letters, digits and ._~@:+,- that begins with a slash').replace(/\/$/, '')
}

/** The name of a cookie; `*` stands for anything. */
export function parseCookiePattern(value: unknown, path: string): string {
  return parseText(value, /^[\w.*-]+$/, path, 'a name of letters, digits and ._-*, such as \'*session*\'')
}

/** The name of a request header. */
export function parseHeaderName(value: unknown, path: string): string {
  return parseText(value, /^[a-z0-9-]+$/i, path, 'letters, digits and dashes, such as \'x-tenant-id\'')
}

/** Registry, name and tag of an image. */
export function parseImage(value: unknown, path: string): string {
  return parseText(value, /^[a-z0-9][\w.-]*(?::\d+)?(?:\/[\w.-]+)*(?::[\w.-]+)?(?:@sha256:[a-f0-9]{64})?$/i, path, 'an image with its tag, such as \'registry.example/shop:1.2.3\'')
}

/** A quantity of Kubernetes. */
export function parseQuantity(value: unknown, path: string): string {
  return parseText(typeof value === 'number' ? String(value) : value, /^\d+(?:\.\d+)?(?:m|Ki|Mi|Gi|Ti)?$/, path, 'a quantity, such as \'250m\' or \'512Mi\'')
}

/** The name of an object of Kubernetes. */
export function parseObjectName(value: unknown, path: string): string {
  return parseText(value, new RegExp(`^${LABEL}(?:\\.${LABEL})*$`), path, 'lower-case letters, digits and dashes, such as \'shop\'')
}

/** The name of an environment variable. */
export function parseVariable(value: unknown, path: string): string {
  return parseText(value, /^[A-Z_]\w*$/i, path, 'the name of an environment variable, such as \'DATABASE_URL\'')
}
