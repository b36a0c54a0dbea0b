/** Names of one app in nginx. They are global, so two apps must not use the same names. */
export interface NginxNames {
  upstream: string
  upstreamZone: string
  cacheZone: string
  limitZone: string
  tlsZone: string
  /** Variables, with their `$`. */
  connection: string
  personal: string
  session: string
  revalidated: string
  unstored: string
  scheme: string
  fromProxy: string
  limited: string
  limitKey: string
}

/** @param name name of the topology, which contains only letters, digits and dashes */
export function nginxNamesOf(name: string): NginxNames {
  const word = name.replaceAll('-', '_')
  return {
    upstream: name,
    upstreamZone: `${word}_upstream`,
    cacheZone: `${word}_cache`,
    limitZone: `${word}_limit`,
    tlsZone: `${word}_tls`,
    connection: `$${word}_connection`,
    personal: `$${word}_personal`,
    session: `$${word}_session`,
    revalidated: `$${word}_revalidated`,
    unstored: `$${word}_unstored`,
    scheme: `$${word}_scheme`,
    fromProxy: `$${word}_from_proxy`,
    limited: `$${word}_limited`,
    limitKey: `$${word}_limit_key`,
  }
}

/** The nginx variable of a request header. */
export function headerVariable(name: string): string {
  return `$http_${name.replaceAll('-', '_')}`
}
