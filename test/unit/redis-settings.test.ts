import { describe, expect, it } from 'vitest'
import { describeRedis, redisSettings } from '../../src/runtime/server/redis/settings'
import type { RedisRuntimeOptions } from '../../src/runtime/server/redis/runtime-options'

type Environment = Record<string, string>

const unset: RedisRuntimeOptions = {
  url: '', host: '', port: '', username: '', password: '', db: '', tls: '', sentinels: '', name: '', sentinelPassword: '', cluster: '', prefix: '', commandTimeout: '', natMap: '',
}

/** As Nitro does it: the environment has already been put over the options, parsed. */
function resolve(options: RedisRuntimeOptions, env: Environment = {}) {
  return redisSettings.resolveGiven({ ...unset, ...options }, env)
}

const PEM = '-----BEGIN CERTIFICATE-----'
const common = { username: undefined, password: undefined, tls: undefined, prefix: 'scale', commandTimeout: 250 }

describe('nothing configured', () => {
  it.each<[string, RedisRuntimeOptions, Environment]>([
    ['no field at all', {}, {}],
    ['a password alone', { password: 'x' }, { REDIS_PASSWORD: 'y' }],
    ['a port alone', { port: 6379 }, { REDIS_PORT: '6379' }],
    ['cluster: false', { cluster: false }, { REDIS_CLUSTER: 'false' }],
    ['a service link of Kubernetes', {}, { REDIS_PORT: 'tcp://10.0.0.1:6379' }],
    ['empty environment names', {}, { REDIS_URL: '', REDIS_HOST: '', REDIS_SENTINELS: '' }],
  ])('%s means no Redis', (_, options, env) => {
    expect(resolve(options, env)).toBeUndefined()
    expect(redisSettings.resolveGiven(options, env)).toBeUndefined()
  })
})

describe('one server', () => {
  it.each<[string, RedisRuntimeOptions, Environment, object]>([
    ['a URL', { url: 'redis://10.0.0.1' }, {}, { host: '10.0.0.1', port: 6379, database: 0 }],
    ['every part of a URL', { url: 'redis://me:p%40ss@h:7000/2' }, {}, { host: 'h', port: 7000, database: 2, username: 'me', password: 'p@ss' }],
    ['a URL with an IPv6 address', { url: 'redis://[::1]:7000' }, {}, { host: '::1', port: 7000, database: 0 }],
    ['rediss is TLS', { url: 'rediss://h' }, {}, { host: 'h', port: 6379, database: 0, tls: {} }],
    ['rediss wins over tls: false', { url: 'rediss://h', tls: false }, {}, { host: 'h', port: 6379, database: 0, tls: {} }],
    ['the plain URL', {}, { REDIS_URL: 'redis://h:1' }, { host: 'h', port: 1, database: 0 }],
    ['TLS beside a plain URL', {}, { REDIS_URL: 'redis://h', REDIS_TLS: 'true' }, { host: 'h', port: 6379, database: 0, tls: {} }],
    ['tls: false wins over the plain name', { url: 'redis://h', tls: false }, { REDIS_TLS: '1' }, { host: 'h', port: 6379, database: 0 }],
    ['fields', { host: 'h', port: '7000', username: 'me', password: 'pw', db: '3', tls: 'true' }, {}, { host: 'h', port: 7000, database: 3, username: 'me', password: 'pw', tls: {} }],
    ['plain fields', {}, { REDIS_HOST: 'h', REDIS_PORT: '7000', REDIS_USERNAME: 'me', REDIS_PASSWORD: 'pw', REDIS_DB: '3', REDIS_TLS: 'true' }, { host: 'h', port: 7000, database: 3, username: 'me', password: 'pw', tls: {} }],
    ['an option before a plain name', { host: 'mine' }, { REDIS_HOST: 'other', REDIS_URL: 'redis://third' }, { host: 'mine', port: 6379, database: 0 }],
    ['a secret beside an option', { host: 'h' }, { REDIS_PASSWORD: 'pw' }, { host: 'h', port: 6379, database: 0, password: 'pw' }],
    ['a URL before the host beside it', {}, { REDIS_URL: 'redis://a', REDIS_HOST: 'b' }, { host: 'a', port: 6379, database: 0 }],
    ['an option over the part of a URL', { url: 'redis://:old@h/1', password: 'new', db: 2 }, {}, { host: 'h', port: 6379, database: 2, password: 'new' }],
    ['the part of a URL over a plain name', { url: 'redis://:old@h/1' }, { REDIS_PASSWORD: 'new', REDIS_DB: '2' }, { host: 'h', port: 6379, database: 1, password: 'old' }],
    ['a password that looks like a number', { host: 'h', password: 100_000 as unknown as string }, { NUXT_SCALE_REDIS_PASSWORD: '1e5' }, { host: 'h', port: 6379, database: 0, password: '1e5' }],
    ['a password that looks like null', { host: 'h', password: null as unknown as string }, { NUXT_SCALE_REDIS_PASSWORD: 'null' }, { host: 'h', port: 6379, database: 0, password: 'null' }],
    ['a prefix with its colon', { host: 'h', prefix: 'shop:eu:' }, {}, { host: 'h', port: 6379, database: 0, prefix: 'shop:eu' }],
    ['a timeout in seconds', { host: 'h', commandTimeout: 0.1 }, {}, { host: 'h', port: 6379, database: 0, commandTimeout: 100 }],
    ['a timeout with a unit', { host: 'h', commandTimeout: '2s' }, {}, { host: 'h', port: 6379, database: 0, commandTimeout: 2000 }],
    ['TLS in detail', { host: 'h', tls: { ca: PEM, cert: '', key: '', servername: 'r', rejectUnauthorized: false } }, {}, { host: 'h', port: 6379, database: 0, tls: { ca: PEM, servername: 'r', rejectUnauthorized: false } }],
    ['TLS in detail, in JSON', { host: 'h' }, { NUXT_SCALE_REDIS_TLS: `{"ca":"${PEM}","rejectUnauthorized":"false"}` }, { host: 'h', port: 6379, database: 0, tls: { ca: PEM, rejectUnauthorized: false } }],
    ['TLS in detail, in JSON under the plain name', { host: 'h' }, { REDIS_TLS: '{"servername":"r"}' }, { host: 'h', port: 6379, database: 0, tls: { servername: 'r' } }],
    ['a TLS block that nobody filled in', { host: 'h', tls: { ca: '', cert: '' } }, {}, { host: 'h', port: 6379, database: 0 }],
    ['a port link of Kubernetes beside a host', {}, { REDIS_HOST: 'h', REDIS_PORT: 'tcp://10.0.0.1:6379' }, { host: 'h', port: 6379, database: 0 }],
  ])('%s', (_, options, env, expected) => {
    expect(resolve(options, env)).toEqual({ kind: 'single', ...common, ...expected })
  })
})

describe('Sentinel', () => {
  const expected = { kind: 'sentinel', ...common, sentinels: [{ host: 'a', port: 26_379 }, { host: 'b', port: 7000 }], name: 'main', database: 0, sentinelPassword: undefined, natMap: undefined }

  it.each<[string, RedisRuntimeOptions, Environment]>([
    ['a list of objects', { sentinels: [{ host: 'a' }, { host: 'b', port: 7000 }], name: 'main' }, {}],
    ['a list of texts', { sentinels: ['a', 'b:7000'], name: 'main' }, {}],
    ['one text', { sentinels: 'a, b:7000', name: 'main' }, {}],
    ['plain names', {}, { REDIS_SENTINELS: 'a:26379,b:7000', REDIS_SENTINEL_NAME: 'main' }],
    ['an option and a plain name', { name: 'main' }, { REDIS_SENTINELS: 'a:26379,b:7000' }],
    ['Sentinels before a URL beside them', {}, { REDIS_SENTINELS: 'a,b:7000', REDIS_SENTINEL_NAME: 'main', REDIS_URL: 'redis://c' }],
  ])('%s', (_, options, env) => {
    expect(resolve(options, env)).toEqual(expected)
  })

  it('takes the rest of the fields', () => {
    expect(resolve({ sentinels: 'a,b:7000', name: 'main', password: 'pw', sentinelPassword: 's', db: 1, tls: true, natMap: { '10.0.0.1:6379': { host: 'x', port: 1 } } }))
      .toEqual({ ...expected, password: 'pw', sentinelPassword: 's', database: 1, tls: {}, natMap: { '10.0.0.1:6379': { host: 'x', port: 1 } } })
  })
})

describe('Cluster', () => {
  const expected = { kind: 'cluster', ...common, natMap: undefined }
  const two = [{ host: 'a', port: 6379 }, { host: 'b', port: 7000 }]

  it.each<[string, RedisRuntimeOptions, Environment, object]>([
    ['a list of objects', { cluster: [{ host: 'a' }, { host: 'b', port: 7000 }] }, {}, { nodes: two }],
    ['a list of texts', { cluster: ['a', 'b:7000'] }, {}, { nodes: two }],
    ['one text', { cluster: 'a,b:7000' }, {}, { nodes: two }],
    ['IPv6 addresses', { cluster: '[::1]:7000,[::2]' }, {}, { nodes: [{ host: '::1', port: 7000 }, { host: '::2', port: 6379 }] }],
    ['the plain list', {}, { REDIS_CLUSTER: 'a,b:7000' }, { nodes: two }],
    ['true with a URL', { cluster: true, url: 'rediss://:pw@a:7000' }, {}, { nodes: [{ host: 'a', port: 7000 }], password: 'pw', tls: {} }],
    ['true with a host', { cluster: 'true', host: 'a', port: 7000 }, {}, { nodes: [{ host: 'a', port: 7000 }] }],
    ['plain true with a plain URL', {}, { REDIS_CLUSTER: 'true', REDIS_URL: 'redis://a:7000/0' }, { nodes: [{ host: 'a', port: 7000 }] }],
    ['plain true with a plain host', {}, { REDIS_CLUSTER: '1', REDIS_HOST: 'a', REDIS_PORT: '7000' }, { nodes: [{ host: 'a', port: 7000 }] }],
    ['plain true with a URL option', { url: 'redis://a:7000' }, { REDIS_CLUSTER: 'true' }, { nodes: [{ host: 'a', port: 7000 }] }],
    ['a true option with a plain URL', { cluster: true }, { REDIS_URL: 'redis://a:7000' }, { nodes: [{ host: 'a', port: 7000 }] }],
  ])('%s', (_, options, env, rest) => {
    expect(resolve(options, env)).toEqual({ ...expected, ...rest })
  })

  it('is off when the option says false beside a plain true', () => {
    expect(resolve({ url: 'redis://a', cluster: false }, { REDIS_CLUSTER: 'true' })).toMatchObject({ kind: 'single' })
  })
})

describe('errors', () => {
  it.each<[string, RedisRuntimeOptions, Environment, string]>([
    ['a malformed URL', { url: 'not a url' }, {}, 'scale.redis.url is not a valid URL: write redis://host:6379/0'],
    ['a malformed URL in the environment', {}, { REDIS_URL: 'redis://h:port' }, 'scale.redis.url (REDIS_URL) is not a valid URL'],
    ['a malformed URL under the module\'s name', { url: '//' }, { NUXT_SCALE_REDIS_URL: '//' }, 'scale.redis.url (NUXT_SCALE_REDIS_URL) is not a valid URL'],
    ['a port past the end in a URL', { url: 'redis://h:70000' }, {}, 'scale.redis.url is not a valid URL'],
    ['port 0 in a URL', { url: 'redis://h:0' }, {}, 'scale.redis.url does not contain a valid port'],
    ['an unknown protocol', { url: 'http://h' }, {}, 'scale.redis.url has an unknown protocol'],
    ['a URL without its protocol', { url: 'localhost:6379' }, {}, 'scale.redis.url has an unknown protocol'],
    ['a URL without a host', { url: 'redis:///0' }, {}, 'scale.redis.url has no host'],
    ['a URL with parameters', { url: 'redis://h?tls=true' }, {}, 'scale.redis.url has a part after \'?\''],
    ['a broken percent-encoding', { url: 'redis://:a%zz@h' }, {}, 'scale.redis.url has a \'%\''],
    ['a database that is no number in a URL', { url: 'redis://h/main' }, {}, 'scale.redis.url does not contain a valid database number'],
    ['a host that is a URL', { host: 'redis://h' }, {}, 'scale.redis.host is not a host'],
    ['a port past the end', { host: 'h', port: 70_000 }, {}, 'scale.redis.port does not contain a valid port: write a whole number from 1 to 65535.'],
    ['a port that is a word', {}, { REDIS_HOST: 'h', REDIS_PORT: 'six' }, 'scale.redis.port (REDIS_PORT) does not contain a valid port'],
    ['a negative database', { host: 'h', db: -1 }, {}, 'scale.redis.db does not contain a valid database number'],
    ['a database that is no number', {}, { REDIS_HOST: 'h', REDIS_DB: 'x' }, 'scale.redis.db (REDIS_DB) does not contain a valid database number'],
    ['Sentinel without a name', { sentinels: 'a' }, {}, 'scale.redis.sentinels is set without a master name: add scale.redis.name (REDIS_SENTINEL_NAME)'],
    ['plain Sentinel without a name', {}, { REDIS_SENTINELS: 'a' }, 'scale.redis.sentinels (REDIS_SENTINELS) is set without a master name'],
    ['a name without Sentinels', { name: 'main' }, {}, 'scale.redis.name is set without sentinels: add scale.redis.sentinels (REDIS_SENTINELS)'],
    ['a name beside a URL', { url: 'redis://h' }, { REDIS_SENTINEL_NAME: 'main' }, 'scale.redis.name (REDIS_SENTINEL_NAME) is set without sentinels'],
    ['Sentinel and Cluster', { sentinels: 'a', name: 'main', cluster: 'b' }, {}, 'scale.redis.cluster and scale.redis.sentinels are both set'],
    ['a Cluster without an address', { cluster: true }, {}, 'scale.redis.cluster is true, but there is no address'],
    ['a Cluster with a database', { cluster: 'a', db: 1 }, {}, 'scale.redis.db is 1: a Redis Cluster has database 0 only'],
    ['a Cluster with a database in the URL', {}, { REDIS_CLUSTER: 'true', REDIS_URL: 'redis://a/1' }, 'scale.redis.url (REDIS_URL) is 1: a Redis Cluster has database 0 only'],
    ['a list that is a number', { cluster: 5 as unknown as string }, {}, 'scale.redis.cluster is not a list of servers'],
    ['an entry that is a URL', { cluster: 'redis://a:1' }, {}, 'scale.redis.cluster contains an entry that is not an address'],
    ['an entry with a bad port', { sentinels: 'a:0', name: 'main' }, {}, 'scale.redis.sentinels does not contain a valid port'],
    ['an entry without a host', { cluster: [{ port: 1 }] }, {}, 'scale.redis.cluster is not a host'],
    ['a switch that is a word', { host: 'h', tls: 'maybe' }, {}, 'scale.redis.tls must be a boolean or an object'],
    ['JSON that is none', { host: 'h' }, { REDIS_TLS: '{hunter2' }, 'scale.redis.tls (REDIS_TLS) must be a boolean or an object'],
    ['a misspelt TLS option', { host: 'h', tls: { rejectUnauthorised: false } as never }, {}, 'scale.redis.tls.rejectUnauthorised is not an option: write one of ca, cert, key, servername, rejectUnauthorized'],
    ['a misspelt TLS option in JSON', { host: 'h' }, { NUXT_SCALE_REDIS_TLS: '{"rejectUnathorized":true}' }, 'scale.redis.tls (NUXT_SCALE_REDIS_TLS).rejectUnathorized is not an option'],
    ['a misspelt TLS option under the plain name', { host: 'h' }, { REDIS_TLS: '{"CA":"hunter2"}' }, 'scale.redis.tls (REDIS_TLS).CA is not an option'],
    ['a certificate that is a path', { host: 'h', tls: { ca: '/run/hunter2.pem' } }, {}, 'scale.redis.tls.ca must be PEM'],
    ['a TLS switch that is a word', { host: 'h', tls: { rejectUnauthorized: 'no' } as never }, {}, 'scale.redis.tls.rejectUnauthorized is "no": write true or false'],
    ['an empty prefix', { host: 'h', prefix: ':' }, {}, 'scale.redis.prefix is empty'],
    ['a prefix of white space', { host: 'h', prefix: ' ' }, {}, 'scale.redis.prefix is empty'],
    ['a prefix with braces', { host: 'h', prefix: '{shop}' }, {}, 'scale.redis.prefix is "{shop}": remove white space, and remove braces'],
    ['a prefix with a blank', { host: 'h', prefix: 'my shop' }, {}, 'scale.redis.prefix is "my shop": remove white space, and remove braces'],
    ['a timeout that is no duration', { host: 'h', commandTimeout: 'soon' }, {}, 'scale.redis.commandTimeout is "soon"'],
    ['a timeout of nothing', { host: 'h', commandTimeout: 0 }, {}, 'scale.redis.commandTimeout is 0: write a time from \'1ms\' to \'60s\''],
    ['milliseconds written as seconds', { host: 'h', commandTimeout: 250 }, {}, 'scale.redis.commandTimeout is 250: write a time from \'1ms\' to \'60s\''],
    ['a map that is a word', { cluster: 'a', natMap: 'x' }, {}, 'scale.redis.natMap is not a map'],
  ])('%s', (_, options, env, message) => {
    expect(() => resolve(options, env)).toThrow(message)
  })

  it.each([
    'redis://:hunter2@h:port',
    'hunter2:secret@h',
    'http://:hunter2@h',
    'redis://hunter2@',
    'redis://:hunter2%@h',
    'redis://:hunter2@h?x',
    'redis://:hun#ter2hunter2@h',
  ])('says nothing of the URL %s', (url) => {
    let message = ''
    try {
      resolve({ url })
    }
    catch (error) {
      message = (error as Error).message
    }
    expect(message).toMatch(/^scale\.redis\.url /)
    expect(message).not.toContain('hunter2')
    expect(message.trim()).toMatch(/\.$/)
  })
})

describe('describeRedis', () => {
  it.each<[RedisRuntimeOptions, string]>([
    [{ url: 'redis://me:hunter2@10.0.0.1' }, 'redis://10.0.0.1:6379/0'],
    [{ url: 'rediss://[::1]:7000/2' }, 'rediss://[::1]:7000/2'],
    [{ sentinels: 'a,b', name: 'main', password: 'hunter2', sentinelPassword: 'hunter2' }, 'redis+sentinel://a:26379,b:26379/main/0'],
    [{ cluster: 'a,b:7000', tls: { key: '-----BEGIN hunter2' } }, 'rediss+cluster://a:6379,b:7000'],
  ])('%o', (options, expected) => {
    expect(describeRedis(resolve(options)!)).toBe(expected)
  })
})
