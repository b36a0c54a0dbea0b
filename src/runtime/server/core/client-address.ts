import { isIPv4, isIPv6 } from 'node:net'

/**
 * Returns the address of the client: the rightmost address of `X-Forwarded-For` that is not a trusted proxy.
 * The client may have forged the addresses further left.
 *
 * @param peer address of the peer of the socket; undefined for a UNIX socket, whose peer is a proxy on this machine
 * @param forwardedFor value of `X-Forwarded-For`
 * @param trusts returns whether an address is a trusted proxy
 */
export function clientAddress(
  peer: string | undefined, forwardedFor: string | undefined, trusts: (address: string | undefined) => boolean,
): string | undefined {
  let address = peer === undefined ? undefined : plainAddress(peer)
  if (forwardedFor === undefined || !trusts(address)) return address
  const hops = forwardedFor.split(',')
  for (let at = hops.length - 1; at >= 0; at--) {
    const hop = plainAddress(hops[at]!.trim())
    // This entry is not an address, so the proxy that forwarded it counts as the client.
    if (hop === undefined) return address
    address = hop
    if (!trusts(hop)) return hop
  }
  return address
}

/**
 * Normalizes an address: removes port, brackets and zone, and converts an IPv4-mapped IPv6 address to IPv4.
 *
 * @returns undefined if the string is not an address
 */
export function plainAddress(text: string): string | undefined {
  if (isIPv4(text)) return text
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([^:]+):\d+$/.exec(text)?.[1] ?? text
  const address = bare.split('%')[0]!
  if (isIPv4(address)) return address
  if (!isIPv6(address)) return undefined
  const words = wordsOf(address)
  return words.slice(0, 5).every(word => word === 0) && words[5] === 0xFFFF
    ? [words[6]! >> 8, words[6]! & 255, words[7]! >> 8, words[7]! & 255].join('.')
    : address.toLowerCase()
}

/**
 * Returns the network of one subscriber: the IPv4 address, or the first 64 bits of an IPv6 address.
 * An IPv6 subscriber usually has at least a /64 network, and can use any address in it.
 */
export function networkOf(address: string): string {
  return isIPv6(address) ? `${wordsOf(address).slice(0, 4).map(word => word.toString(16)).join(':')}::/64` : address
}

/** Returns the eight 16-bit groups of an IPv6 address. */
function wordsOf(address: string): number[] {
  const text = address.replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_, a, b, c, d) => `${(Number(a) * 256 + Number(b)).toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`,
  )
  const [head = '', tail] = text.split('::')
  const read = (part: string | undefined) => part ? part.split(':').map(word => Number.parseInt(word, 16)) : []
  const first = read(head)
  const last = read(tail)
  return tail === undefined ? first : [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last]
}
