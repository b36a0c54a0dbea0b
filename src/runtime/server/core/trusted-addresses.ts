import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** Trusted peers: `'any'` for all, or a list of addresses and CIDR ranges. */
export type TrustedAddresses = 'any' | readonly string[]

/**
 * Creates a function that returns whether a peer is trusted. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) counts as its IPv4 address.
 *
 * @param option path of the option, for errors
 * @throws TypeError naming the entry that is neither an address nor a range
 */
export function compileTrustedAddresses(trusted: TrustedAddresses, option: string): (address: string | undefined) => boolean {
  if (trusted === 'any') return () => true
  if (!Array.isArray(trusted)) {
    throw new TypeError(`${option} is ${JSON.stringify(trusted)}: write 'any', or a list of addresses and ranges such as '10.0.0.0/8'.`)
  }
  const list = new BlockList()
  for (const entry of trusted) add(list, entry, option)
  return address => address !== undefined && contains(list, address)
}

/**
 * Creates a function that returns whether a peer is one of the proxies of the app. `'unix'` in the list is a proxy on a UNIX socket.
 * `'any'` is not accepted, because clients could then forge their address.
 *
 * @param option path of the option, for errors
 * @throws TypeError naming the entry that is neither an address nor a range
 */
export function compileProxies(proxies: readonly string[], option: string): (address: string | undefined) => boolean {
  if (!Array.isArray(proxies)) {
    throw new TypeError(`${option} is ${JSON.stringify(proxies)}: write a list of addresses and ranges, such as ['10.0.0.0/8'].`)
  }
  const overSocket = proxies.includes('unix')
  const trusts = compileTrustedAddresses(proxies.filter(proxy => proxy !== 'unix'), option)
  return address => address === undefined ? overSocket : trusts(address)
}

function add(list: BlockList, entry: unknown, option: string): void {
  const [address = '', length, ...rest] = String(entry).split('/')
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined
  const bits = length === undefined ? undefined : Number(length)
  const most = family === 'ipv4' ? 32 : 128
  if (!family || rest.length > 0 || length === '' || (bits !== undefined && !(Number.isInteger(bits) && bits >= 0 && bits <= most))) {
    throw new TypeError(`${option} contains ${JSON.stringify(entry)}: write an address or a range, such as '10.0.0.0/8' or '::1'.`)
  }
  if (bits === undefined) list.addAddress(address, family)
  else list.addSubnet(address, bits, family)
}

function contains(list: BlockList, address: string): boolean {
  const plain = address.split('%')[0]!
  if (isIPv4(plain)) return list.check(plain, 'ipv4')
  // A block list compares an IPv4-mapped IPv6 address as its IPv4 address.
  return isIPv6(plain) && list.check(plain, 'ipv6')
}
