/** Returns the scheme, host and path of an address for logs. Hides a password even if it contains an unescaped `/`, `?` or `@`. */
export function describeUrl(url: string): string {
  const [, scheme, rest = ''] = /^([a-z][a-z\d+.-]*:(?:\/\/)?)(.*)$/is.exec(url) ?? []
  return scheme === undefined ? 'an address' : `${scheme}${rest.slice(rest.lastIndexOf('@') + 1).replace(/[?#].*$/s, '')}`
}

/**
 * Parses an address.
 * @throws TypeError without the credentials of the address, which Node's own error would contain
 */
export function parseUrl(url: string): URL {
  try {
    return new URL(url)
  }
  catch {
    throw new TypeError(`The database URL for ${describeUrl(url)} cannot be parsed:`
      + ' percent-encode the special characters of its user and password.')
  }
}

/** Replaces the address, its user and its password in `text`, also in decoded form. */
export function redact(text: string, url: string): string {
  const [, credentials = ''] = /^[a-z][a-z\d+.-]*:\/\/(.*)@/is.exec(url) ?? []
  const password = credentials.slice(credentials.indexOf(':') + 1)
  const secrets = [url, credentials, ...(credentials.includes(':') ? [password, decode(password)] : [])]
    .filter(secret => secret.length > 0)
    .sort((one, other) => other.length - one.length)
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
}

/** Replaces the user and password of every address in `text`. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/(:\/\/)\S*@/g, '$1***@')
}

/** Copies the message and stack of an error without secrets. Other fields are left out, such as the `input` of an invalid URL. */
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
