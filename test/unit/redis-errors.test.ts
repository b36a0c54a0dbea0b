import { describe, expect, it } from 'vitest'
import { RedisTimeoutError, RedisUnavailableError, connectionFault } from '../../src/runtime/server/redis/errors'

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

it('gives each error a code and one sentence', () => {
  expect(new RedisUnavailableError('Connection is closed.')).toMatchObject({ name: 'RedisUnavailableError', code: 'REDIS_UNAVAILABLE', message: 'Redis is not available (Connection is closed).' })
  expect(new RedisTimeoutError(250)).toMatchObject({ name: 'RedisTimeoutError', code: 'REDIS_TIMEOUT', budget: 250, message: 'Redis did not answer within 250 ms.' })
})
