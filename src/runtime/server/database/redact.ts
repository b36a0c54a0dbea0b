/** Scheme, host and path of an address: what may be shown. */
export function describeUrl(url: string): string {
  const match = /^([a-z][a-z\d+.-]*):(?:\/\/(?:[^/?#]*@)?([^/?#]*))?([^?#]*)/i.exec(url)
  return match ? `${match[1]}:${match[2] === undefined ? '' : `//${match[2]}`}${match[3]}` : 'an address'
}

/** `text` without the address, its user and password, also where they were decoded. */
export function redact(text: string, url: string): string {
  const [, credentials = ''] = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)@/i.exec(url) ?? []
  const password = credentials.slice(credentials.indexOf(':') + 1)
  const secrets = [url, credentials, ...(credentials.includes(':') ? [password, decode(password)] : [])]
    .filter(secret => secret.length > 0)
    .sort((one, other) => other.length - one.length)
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
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
