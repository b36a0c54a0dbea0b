/** One broker to connect to, its secret apart from what may be shown. */
export interface BrokerHost {
  /** For logs and errors: without user, password and query. */
  readonly label: string
  /** The address without user and password. */
  readonly address: string
  readonly user: string
  readonly password: string
}

/**
 * Takes an AMQP URL apart.
 *
 * @param heartbeat seconds; a `heartbeat` in the URL is stronger
 * @throws Error that never quotes the URL, which holds the password
 */
export function parseHost(url: string, heartbeat: number): BrokerHost {
  if (!URL.canParse(url)) throw new Error('A URL of RabbitMQ cannot be read: write amqp://user:password@host:5672/vhost, with the special characters of each part percent-encoded.')
  const parsed = new URL(url)
  if (parsed.protocol !== 'amqp:' && parsed.protocol !== 'amqps:') {
    throw new Error(`A URL of RabbitMQ begins with ${parsed.protocol}//: write amqp:// or, for TLS, amqps://.`)
  }
  if (!parsed.hostname) throw new Error('A URL of RabbitMQ names no host: write amqp://user:password@host:5672/vhost.')
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
    throw new Error('A URL of RabbitMQ has a user or password with a stray %: write %25 for a percent sign.')
  }
}
