/** Scheme, host and path of an address: what may be shown. A password with a bare `/`, `?` or `@` in it stays hidden too. */
export function describeUrl(url: string): string {
  const [, scheme, rest = ''] = /^([a-z][a-z\d+.-]*:(?:\/\/)?)(.*)$/is.exec(url) ?? []
  return scheme === undefined ? 'an address' : `${scheme}${rest.slice(rest.lastIndexOf('@') + 1).replace(/[?#].*$/s, '')}`
}

/**
 * An address taken apart.
 * @throws Error that does not hold the address, as Node's own does
 */
export function parseUrl(url: string): URL {
  try {
    return new URL(url)
  }
  catch {
    throw new TypeError(`The database URL for ${describeUrl(url)} cannot be read: percent-encode the special characters of its user and password.`)
  }
}

/** `text` without the address, its user and password, also where they were decoded. */
export function redact(text: string, url: string): string {
  const [, credentials = ''] = /^[a-z][a-z\d+.-]*:\/\/(.*)@/is.exec(url) ?? []
  const password = credentials.slice(credentials.indexOf(':') + 1)
  const secrets = [url, credentials, ...(credentials.includes(':') ? [password, decode(password)] : [])]
    .filter(secret => secret.length > 0)
    .sort((one, other) => other.length - one.length)
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
}

/** `text` without the user and password of any address in it. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/(:\/\/)\S*@/g, '$1***@')
}

/** A copy of an error that holds its message and stack without secrets and none of its other fields, such as the `input` of an invalid URL. */
export function redactError(error: unknown, url: string): Error {
  const { message, stack, name } = error instanceof Error ? error : new Error(String(error))
  const copy = new Error(redact(message, url))
  copy.name = name
  copy.stack = redact(stack ?? '', url)
  return copy
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  }
  catch {
    return text
  }
}
