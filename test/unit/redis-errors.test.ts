import { describe, expect, it } from 'vitest'
import { RedisTimeoutError, RedisUnavailableError, connectionFault, faultText, hidesCause, withCause } from '../../src/runtime/server/redis/errors'

function errorWith(message: string, fields: object = {}): Error {
  return Object.assign(new Error(message), fields)
}

describe('connectionFault', () => {
  it.each([
    errorWith('connect ECONNREFUSED 127.0.0.1:1', { code: 'ECONNREFUSED' }),
    errorWith('read ECONNRESET', { code: 'ECONNRESET' }),
    errorWith('Connection is closed.'),
    errorWith('Stream isn\'t writeable and enableOfflineQueue options is false'),
    errorWith('Cluster isn\'t ready and enableOfflineQueue options is false'),
    errorWith('Command aborted due to connection close'),
    errorWith('Too many Cluster redirections. Last error: x'),
    errorWith('LOADING Redis is loading the dataset in memory'),
    errorWith('CLUSTERDOWN The cluster is down'),
    errorWith('MASTERDOWN Link with MASTER is down'),
    errorWith('READONLY You can\'t write against a read only replica.'),
    errorWith('NOAUTH Authentication required.'),
    errorWith('ERR invalid password', { command: { name: 'auth', args: ['hunter2'] } }),
  ])('is the fault of the server: %o', (error) => {
    expect(connectionFault(error)).toBe(error.message)
  })

  it.each([
    errorWith('WRONGTYPE Operation against a key holding the wrong kind of value'),
    errorWith('OOM command not allowed when used memory > \'maxmemory\'.'),
    errorWith('ERR Error running script'),
    errorWith('NOSCRIPT No matching script.'),
    errorWith('ERR READONLY'),
    errorWith('anything', { code: 'ERR_INVALID_ARG_TYPE' }),
    'Connection is closed.',
    undefined,
  ])('is not: %o', (error) => {
    expect(connectionFault(error)).toBeUndefined()
  })
})

describe('faultText', () => {
  it.each<[string, Error, string]>([
    ['an ordinary error', errorWith('connect ECONNREFUSED 127.0.0.1:1', { code: 'ECONNREFUSED' }), 'connect ECONNREFUSED 127.0.0.1:1'],
    ['OpenSSL, with its source files and a line break', errorWith('40ED:error:0A00045C:SSL routines:x:tlsv13 alert certificate required:../deps/x.c:918:SSL alert number 116\n', { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', reason: 'tlsv13 alert certificate required' }), 'tlsv13 alert certificate required'],
    ['a wrong name, whose reason is the shorter half', errorWith('Hostname/IP does not match certificate\'s altnames: Host: a.', { code: 'ERR_TLS_CERT_ALTNAME_INVALID', reason: 'Host: a.' }), 'Hostname/IP does not match certificate\'s altnames: Host: a.'],
    ['several lines', errorWith('one\r\n  two\n'), 'one two'],
    ['several addresses that all refuse', errorWith('', { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    ['a Cluster with the answer of its last node', errorWith('Failed to refresh slots cache.', { lastNodeError: errorWith('WRONGPASS invalid.') }), 'Failed to refresh slots cache: WRONGPASS invalid.'],
    ['Sentinels', errorWith('All sentinels are unreachable. Retrying from scratch after 34ms. Last error: WRONGPASS invalid.'), 'All sentinels are unreachable: WRONGPASS invalid.'],
    ['Sentinels that know no such group', errorWith('All sentinels are unreachable. Retrying from scratch after 34ms.'), 'All sentinels are unreachable'],
  ])('of %s', (_, error, text) => {
    expect(faultText(error)).toBe(text)
  })
})

describe('a hidden cause', () => {
  it.each([
    ['Failed to refresh slots cache.', 'Failed to refresh slots cache: why'],
    ['Failed to refresh slots cache: Connection is closed.', 'Failed to refresh slots cache: why'],
    ['All sentinels are unreachable: Connection is closed.', 'All sentinels are unreachable: why'],
    ['Connection is closed.', 'why'],
  ])('is seen and filled in: %s', (fault, text) => {
    expect(hidesCause(fault)).toBe(true)
    expect(withCause(fault, 'why')).toBe(text)
  })

  it.each(['Failed to refresh slots cache: WRONGPASS invalid.', 'All sentinels are unreachable: NOAUTH', 'read ECONNRESET', 'no connection within 1500 ms'])('is not seen in %s', (fault) => {
    expect(hidesCause(fault)).toBe(false)
  })
})

it('gives each error a code and one sentence', () => {
  expect(new RedisUnavailableError('Connection is closed.')).toMatchObject({ name: 'RedisUnavailableError', code: 'REDIS_UNAVAILABLE', message: 'Redis is not available (Connection is closed).' })
  expect(new RedisTimeoutError(250)).toMatchObject({ name: 'RedisTimeoutError', code: 'REDIS_TIMEOUT', budget: 250, message: 'Redis did not answer within 250 ms.' })
})
