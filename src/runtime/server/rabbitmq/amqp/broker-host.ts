/** A parsed address of a broker. The credentials are separate from the parts that may be shown. */
export interface BrokerHost {
  /** Address for logs and errors, without user, password and query. */
  readonly label: string
  /** Address to connect to, without user and password. */
  readonly address: string
  readonly user: string
  readonly password: string
}

/**
 * Parses an AMQP URL.
 *
 * @param heartbeat seconds between heartbeats. A `heartbeat` parameter in the URL has priority
 * @throws Error that never contains the URL, because the URL may contain a password
 */
export function parseBrokerHost(url: string, heartbeat: number): BrokerHost {
  if (!URL.canParse(url)) {
    throw new Error('A URL of RabbitMQ is invalid: write amqp://user:password@host:5672/vhost, '
      + 'and percent-encode special characters in each part.')
  }
  const parsed = new URL(url)
  if (parsed.protocol !== 'amqp:' && parsed.protocol !== 'amqps:') {
    throw new Error(`A URL of RabbitMQ begins with ${parsed.protocol}//: write amqp:// or, for TLS, amqps://.`)
  }
  if (!parsed.hostname) throw new Error('A URL of RabbitMQ has an empty host: write amqp://user:password@host:5672/vhost.')
  const named = parsed.username !== '' || parsed.password !== ''
  const user = named ? decode(parsed.username) : 'guest'
  const password = named ? decode(parsed.password) : 'guest'
  parsed.username = ''
  parsed.password = ''
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(heartbeat))
  const vhost = parsed.pathname.length > 1 ? parsed.pathname : ''
  return { label: `${parsed.protocol}//${parsed.host}${vhost}`, address: parsed.href, user, password }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  }
  catch {
    throw new Error('The user or password in a URL of RabbitMQ contains a % that is not percent-encoded: write %25 for a percent sign.')
  }
}
