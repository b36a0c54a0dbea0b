import { isIPv4, isIPv6 } from 'node:net'

/**
 * The address of the client: the first one from the right of `X-Forwarded-For` that is no proxy of ours. What stands left of it,
 * the client may have written itself.
 *
 * @param peer address at the other end of the socket; undefined for a UNIX socket, whose other end is a proxy of this machine
 * @param forwardedFor value of `X-Forwarded-For`
 * @param trusts whether an address is a proxy of ours
 */
export function clientAddress(peer: string | undefined, forwardedFor: string | undefined, trusts: (address: string | undefined) => boolean): string | undefined {
  let address = peer === undefined ? undefined : plainAddress(peer)
  if (forwardedFor === undefined || !trusts(address)) return address
  const hops = forwardedFor.split(',')
  for (let at = hops.length - 1; at >= 0; at--) {
    const hop = plainAddress(hops[at]!.trim())
    if (hop === undefined) return address // nobody who can be told apart; whoever passed it on answers for it
    address = hop
    if (!trusts(hop)) return hop
  }
  return address
}

/** An address without port, brackets and zone, and an IPv4 address that came in its IPv6 form as itself; undefined for what is none. */
export function plainAddress(text: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([^:]+):\d+$/.exec(text)?.[1] ?? text
  const address = bare.split('%')[0]!
  if (isIPv4(address)) return address
  if (!isIPv6(address)) return undefined
  const words = wordsOf(address)
  return words.slice(0, 5).every(word => word === 0) && words[5] === 0xFFFF
    ? [words[6]! >> 8, words[6]! & 255, words[7]! >> 8, words[7]! & 255].join('.')
    : address.toLowerCase()
}

/** What one subscriber shares: an IPv4 address, or the first 64 bits of an IPv6 address, of which a household has at least that many. */
export function networkOf(address: string): string {
  return isIPv6(address) ? `${wordsOf(address).slice(0, 4).map(word => word.toString(16)).join(':')}::/64` : address
}

/** The eight words of an IPv6 address. */
function wordsOf(address: string): number[] {
  const text = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => `${(Number(a) * 256 + Number(b)).toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`)
  const [head = '', tail] = text.split('::')
  const read = (part: string | undefined) => part ? part.split(':').map(word => Number.parseInt(word, 16)) : []
  const first = read(head)
  const last = read(tail)
  return tail === undefined ? first : [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last]
}
