import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLog, isReporterReplaced, replaceReporter } from '../../src/runtime/server/core/log'
import { createJsonReporter } from '../../src/runtime/server/log/json-lines'
import { requestIdOf } from '../../src/runtime/server/log/request-id'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/

describe('the id of a request', () => {
  const idOf = (headers: Record<string, string>, trusted = true) =>
    requestIdOf({ headers, peer: '10.0.0.1', header: 'x-request-id', trusts: address => trusted && address === '10.0.0.1' })

  it('is the trace id, else the header of a trusted proxy, else a new one', () => {
    expect(idOf({ 'traceparent': TRACE, 'x-request-id': 'edge-1' })).toBe('0af7651916cd43dd8448eb211c80319c')
    expect(idOf({ 'x-request-id': 'edge-1' })).toBe('edge-1')
    expect(idOf({ 'x-request-id': 'edge-1' }, false)).toMatch(UUID)
    expect(idOf({})).toMatch(UUID)
    expect(idOf({})).not.toBe(idOf({}))
  })

  it.each(['', 'a b', 'a\nb', 'é', '<script>', '"', 'x'.repeat(129)])('is not taken from a proxy if it is %j', (id) => {
    expect(idOf({ 'x-request-id': id })).toMatch(UUID)
  })

  it('is not the trace id if that is malformed or zero', () => {
    expect(idOf({ traceparent: '00-0' })).toMatch(UUID)
    expect(idOf({ traceparent: `00-${'0'.repeat(32)}-b7ad6b7169203331-01` })).toMatch(UUID)
  })
})

describe('a line of JSON', () => {
  const linesOf = (write: (log: ReturnType<typeof createLog>) => void) => {
    const lines: string[] = []
    replaceReporter(createJsonReporter({ fields: () => ({ requestId: 'r1', tenant: 'acme' }), write: line => lines.push(line) }))
    try {
      write(createLog('cache'))
    }
    finally {
      replaceReporter(undefined)
    }
    return lines
  }

  it('has the time, the level, the source, the message, the fields of the call, and the error with its code', () => {
    const cause = new Error('refused')
    const error = Object.assign(new TypeError('no answer', { cause }), { code: 'REDIS_TIMEOUT', statusCode: 503 })
    const [warned, failed] = linesOf((log) => {
      log.warn('Redis is away')
      log.error('GET /a was answered with 503:', error)
    }).map(line => JSON.parse(line) as Record<string, unknown>)
    expect(warned).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), level: 'warn', source: 'nuxt-scale:cache', message: 'Redis is away', requestId: 'r1', tenant: 'acme',
    })
    expect(failed).toMatchObject({
      level: 'error',
      message: 'GET /a was answered with 503:',
      error: { name: 'TypeError', code: 'REDIS_TIMEOUT', status: 503, message: 'no answer', stack: expect.stringContaining('log.test'), cause: 'refused' },
    })
  })

  it('is one line and valid JSON, whatever the message is', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string(), (message, detail) => {
      const lines = linesOf(log => log.error(message, new Error(detail)))
      expect(lines.filter(line => line.includes('\n'))).toEqual([])
      for (const line of lines) expect(JSON.parse(line)).toMatchObject({ level: 'error', error: { message: detail } })
    }))
  })

  it('is bounded', () => {
    const [line] = linesOf(log => log.error('x'.repeat(1_000_000), new Error('y'.repeat(1_000_000))))
    expect(line!.length).toBeLessThan(40_000)
  })

  it('is written by loggers that exist already, until the reporter is restored', () => {
    const log = createLog('early')
    const lines: string[] = []
    expect(isReporterReplaced()).toBe(false)
    replaceReporter({ log: ({ args }) => lines.push(String(args[0])) })
    expect(isReporterReplaced()).toBe(true)
    log.info('one')
    replaceReporter(undefined)
    expect(lines).toEqual(['one'])
  })
})
