import { describe, expect, it } from 'vitest'
import { createIdentifier } from '../../src/runtime/server/tenancy/identify'
import type { TenancyModuleOptions } from '../../src/runtime/server/tenancy/settings'
import { tenancySettings } from '../../src/runtime/server/tenancy/settings'

const base: TenancyModuleOptions = { baseDomains: ['shop.example', 'eu.shop.example'], trustedProxies: ['10.0.0.0/8', '::1', '2001:db8::/32'] }
const identify = (claims: { header?: string, host?: string, peer?: string }, options = base) =>
  createIdentifier(tenancySettings.resolveGiven(options))({ header: undefined, host: undefined, peer: '10.1.2.3', ...claims })

function refusal(claims: Parameters<typeof identify>[0], options = base): number {
  try {
    identify(claims, options)
  }
  catch (error) {
    return (error as { statusCode: number }).statusCode
  }
  return 200
}

describe('the header', () => {
  it('names the tenant', () => {
    expect(identify({ header: 'acme' })).toBe('acme')
    expect(identify({})).toBeUndefined()
  })

  it.each(['acme, globex', 'acme,acme', '', ' acme', 'Acme', '-acme', 'a'.repeat(64), '../etc', '__proto__', 'constructor()', 'acme\u0000', 'аcme'])('%j is malformed', (header) => {
    expect(refusal({ header })).toBe(400)
  })

  it.each(['10.255.0.1', '::ffff:10.0.0.1', '::1', '2001:db8:1::5'])('is believed from %s', (peer) => {
    expect(identify({ header: 'acme', peer })).toBe('acme')
  })

  it.each(['11.0.0.1', '::ffff:11.0.0.1', '::2', 'no address', undefined])('is ignored from %s, also when it is malformed', (peer) => {
    expect(identify({ header: 'acme', peer })).toBeUndefined()
    expect(identify({ header: 'a, b', peer, host: 'globex.shop.example' })).toBe('globex')
  })

  it('is believed from anybody when that is said, or when nothing is said', () => {
    for (const trustedProxies of ['any', ''] as const) expect(identify({ header: 'acme', peer: undefined }, { trustedProxies })).toBe('acme')
  })

  it('is not read when only subdomains name tenants', () => {
    expect(identify({ header: 'acme' }, { ...base, from: ['subdomain'] })).toBeUndefined()
  })
})

describe('the host', () => {
  it.each([
    ['acme.shop.example', 'acme'],
    ['ACME.Shop.Example:3000', 'acme'],
    ['acme.shop.example.', 'acme'],
    ['acme.eu.shop.example', 'acme'],
    ['shop.example', undefined],
    ['eu.shop.example', undefined],
    ['www.shop.example', undefined],
    ['WWW.eu.shop.example.:443', undefined],
    ['evilshop.example', undefined],
    ['acme.shop.example.evil.example', undefined],
    ['127.0.0.1:3000', undefined],
    ['[::1]:3000', undefined],
    ['', undefined],
  ])('%s names %s', (host, tenant) => {
    expect(identify({ host })).toBe(tenant)
  })

  it.each(['a.b.shop.example', '.shop.example', '-a.shop.example', 'a_b.shop.example'])('%s is no tenant', (host) => {
    expect(refusal({ host })).toBe(404)
  })

  it('leaves out the labels that name no tenant, which the options say', () => {
    const options = { ...base, ignoreSubdomains: ['App', 'm'] }
    expect(identify({ host: 'app.shop.example' }, options)).toBeUndefined()
    expect(identify({ host: 'm.shop.example', header: 'acme' }, options)).toBe('acme')
    expect(identify({ host: 'www.shop.example' }, options)).toBe('www')
    expect(identify({ host: 'www.shop.example' }, { ...base, ignoreSubdomains: [] })).toBe('www')
    // One label, and the whole of it.
    for (const host of ['www.acme.shop.example', 'a.www.shop.example']) expect(refusal({ host })).toBe(404)
    expect(identify({ host: 'www2.shop.example' })).toBe('www2')
    for (const wrong of ['a.b', '', 'www.']) {
      expect(() => tenancySettings.resolveGiven({ ignoreSubdomains: [wrong] })).toThrow('scale.tenancy.ignoreSubdomains contains')
    }
    expect(() => tenancySettings.resolveGiven({ ignoreSubdomains: 'www' as never })).toThrow('scale.tenancy.ignoreSubdomains is "www": write a list')
  })

  it('and the header must agree', () => {
    expect(identify({ header: 'acme', host: 'acme.shop.example' })).toBe('acme')
    expect(refusal({ header: 'globex', host: 'acme.shop.example' })).toBe(421)
    expect(refusal({ header: 'globex', host: 'acme.shop.example', peer: '11.0.0.1' })).toBe(200)
  })

  it('is the same when it is asked again, however many hosts came between', () => {
    const again = createIdentifier(tenancySettings.resolveGiven(base))
    const ask = (host: string) => again({ header: undefined, host, peer: undefined })
    for (let round = 0; round < 2; round++) {
      for (let number = 0; number < 2500; number++) expect(ask(`t${number}.shop.example`)).toBe(`t${number}`)
      expect(ask('shop.example')).toBeUndefined()
      expect(() => ask('a.b.shop.example')).toThrow('no such tenant')
    }
  })

  it('is not read without base domains', () => {
    expect(identify({ host: 'acme.shop.example' }, {})).toBeUndefined()
  })
})

describe('a whole domain', () => {
  const asked: string[] = []
  const settings = tenancySettings.resolveGiven(base)
  const find = createIdentifier(settings, (domain) => {
    asked.push(domain)
    return domain === 'acme.com' ? 'acme' : domain === 'later.com' ? Promise.resolve('globex') : undefined
  })
  const claims = (host: string, header?: string) => ({ header, host, peer: '10.0.0.1' })

  it('names its tenant, in any case, with a port or a dot at its end', async () => {
    expect(['acme.com', 'ACME.com:8080', 'acme.com.', 'acme.com.:443'].map(host => find(claims(host)))).toEqual(['acme', 'acme', 'acme', 'acme'])
    expect(await find(claims('later.com'))).toBe('globex')
    expect(find(claims('nobody.com', 'initech'))).toBe('initech')
  })

  it('must agree with the header, at once or later', async () => {
    expect(() => find(claims('acme.com', 'globex'))).toThrow('different tenants')
    await expect(find(claims('later.com', 'acme'))).rejects.toMatchObject({ statusCode: 421 })
    expect(await find(claims('later.com', 'globex'))).toBe('globex')
  })

  it('is asked for only when it is one, and not for subdomains of the base', () => {
    asked.length = 0
    for (const host of ['', '.', '..', 'acme..com', '[::1]:3000', '[::1]', '::1', 'acme.com:80:80', 'acme.com/evil', 'user@acme.com', 'acme%2ecom', 'acme.com\u0000', `${'a'.repeat(254)}`, 'acme.shop.example']) find(claims(host))
    expect(asked).toEqual([])
    find(claims('shop.example'))
    expect(asked).toEqual(['shop.example'])
  })
})

describe('wrong options are named in one sentence', () => {
  it.each([
    [{ froms: [] }, 'scale.tenancy.froms'],
    [{ from: ['path'] }, 'scale.tenancy.from'],
    [{ from: [] }, 'scale.tenancy.from'],
    [{ from: ['subdomain'] }, 'scale.tenancy.baseDomains'],
    [{ header: 'x tenant' }, 'scale.tenancy.header'],
    [{ baseDomains: ['https://a'] }, 'scale.tenancy.baseDomains'],
    [{ baseDomains: ['a.example:80'] }, 'scale.tenancy.baseDomains'],
    [{ map: { 'Not A Tenant': 'DB' } }, 'scale.tenancy.map'],
    [{ map: { acme: 5 } }, 'scale.tenancy.map.acme'],
    [{ map: { acme: { uri: 'x' } } }, 'scale.tenancy.map.acme.uri'],
    [{ default: 'No!' }, 'scale.tenancy.default'],
    [{ unknown: 200 }, 'scale.tenancy.unknown'],
    [{ missing: 503 }, 'scale.tenancy.missing'],
    [{ trustedProxies: ['10.0.0.0/33'] }, 'scale.tenancy.trustedProxies'],
    [{ trustedProxies: ['proxy.internal'] }, 'scale.tenancy.trustedProxies'],
    [{ trustedProxies: true }, 'scale.tenancy.trustedProxies'],
    [{ exclude: ['public/**'] }, 'scale.tenancy.exclude'],
    [{ pattern: '[' }, 'scale.tenancy.pattern'],
    [{ cacheTtl: '-1s' }, 'scale.tenancy.cacheTtl'],
  ])('%j', (options, named) => {
    expect(() => tenancySettings.resolveGiven(options as TenancyModuleOptions)).toThrow(named)
  })

  it('without the database that the option holds', () => {
    expect(() => tenancySettings.resolveGiven({ map: { acme: { url: 'postgres://u:secret@h/db', ulr: 1 } as never } })).not.toThrow('secret')
  })
})
