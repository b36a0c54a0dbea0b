import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientAddress, networkOf, plainAddress } from '../../src/runtime/server/core/client-address'
import { compileTrustedAddresses } from '../../src/runtime/server/core/trusted-addresses'

const trusts = compileTrustedAddresses(['10.0.0.0/8', '::1', 'fd00::/8'], 'test')

describe('the client behind proxies', () => {
  it.each([
    ['the peer, when nothing is trusted to speak for somebody else', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['the last address that is no proxy', '10.0.0.2', '198.51.100.1, 203.0.113.9, 10.0.0.1', '203.0.113.9'],
    ['not what the client wrote in front', '10.0.0.2', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
    ['the first proxy, when all are proxies', '10.0.0.2', '10.0.0.7, 10.0.0.8', '10.0.0.7'],
    ['the proxy itself without the header', '10.0.0.2', undefined, '10.0.0.2'],
    ['the proxy that passed on what is no address', '10.0.0.2', '203.0.113.9, unknown, 10.0.0.1', '10.0.0.1'],
    ['a mapped proxy and a mapped client', '::ffff:10.0.0.2', '::ffff:203.0.113.9', '203.0.113.9'],
    ['addresses with ports', '10.0.0.2', '203.0.113.9:4711', '203.0.113.9'],
    ['addresses with brackets', '::1', '[2001:db8::1]:443', '2001:db8::1'],
  ])('is %s', (_, peer, forwardedFor, client) => {
    expect(clientAddress(peer, forwardedFor, trusts)).toBe(client)
  })

  it('is nobody behind a UNIX socket that is not trusted, and the forwarded one behind one that is', () => {
    expect(clientAddress(undefined, '203.0.113.9', trusts)).toBeUndefined()
    expect(clientAddress(undefined, '203.0.113.9', address => address === undefined)).toBe('203.0.113.9')
  })

  it('cannot be chosen by the client, whatever it sends', () => {
    fc.assert(fc.property(fc.string(), text => clientAddress('10.0.0.2', `${text}, 203.0.113.9`, trusts) === '203.0.113.9'))
  })
})

describe('a trusted address', () => {
  it.each([
    ['10.0.0.2', true], ['::ffff:10.0.0.2', true], ['::FFFF:10.0.0.2', true], ['::ffff:a00:2', true], ['0:0:0:0:0:ffff:10.0.0.2', true],
    ['::ffff:10.0.0.2%eth0', true], ['fd00::1%eth0', true], ['11.0.0.2', false], ['::ffff:11.0.0.2', false], ['::ffff:b00:2', false],
    ['::10.0.0.2', false], ['[::1]', false], ['10.0.0.2:80', false], ['unknown', false], [undefined, false],
  ])('%j: %j', (address, isTrusted) => {
    expect(trusts(address)).toBe(isTrusted)
  })
})

describe('an address', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'], ['203.0.113.9:80', '203.0.113.9'], ['::ffff:203.0.113.9', '203.0.113.9'], ['::ffff:cb00:7109', '203.0.113.9'],
    ['0:0:0:0:0:FFFF:203.0.113.9', '203.0.113.9'], ['fe80::1%eth0', 'fe80::1'], ['[2001:DB8::1]', '2001:db8::1'],
    ['unknown', undefined], ['', undefined], ['_hidden', undefined], ['203.0.113', undefined], ['1.2.3.4.5', undefined],
  ])('%j is %j', (text, address) => {
    expect(plainAddress(text)).toBe(address)
  })

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::ffff', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('%s shares the bucket of %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })

  it('shares its bucket with all of its /64 and nobody else', () => {
    const word = fc.integer({ min: 0, max: 0xFFFF })
    const text = (words: number[]) => words.map(value => value.toString(16)).join(':')
    fc.assert(fc.property(fc.array(word, { minLength: 8, maxLength: 8 }), fc.array(word, { minLength: 4, maxLength: 4 }), (address, host) => {
      const network = address.slice(0, 4)
      expect(networkOf(text(address))).toBe(networkOf(text([...network, ...host])))
      expect(networkOf(text(address))).not.toBe(networkOf(text([...network.slice(0, 3), network[3]! ^ 1, ...host])))
    }))
  })
})
