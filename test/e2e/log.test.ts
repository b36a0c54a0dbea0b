import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildFixture, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
let text: NuxtInstance
let json: NuxtInstance

beforeAll(async () => {
  const output = await buildFixture('test/fixtures/operations')
  const env = { NUXT_SCALE_LOG_TRUSTED_PROXIES: '["127.0.0.1"]', NUXT_SCALE_INSTANCE: 'web-1' }
  ;[text, json] = await Promise.all([startNuxt(output), startNuxt(output, { env: { ...env, NUXT_SCALE_LOG_FORMAT: 'json' } })])
})

afterAll(() => Promise.all([text, json].map(instance => instance?.kill())))

const idOf = (response: Response) => response.headers.get('x-request-id')

describe('the id of a request', () => {
  it('is in the response, in event.context and in internal requests, and follows a trace', async () => {
    const own = await text.fetch('/api/log')
    const { requestId, inner } = await own.json() as { requestId: string, inner: string }
    expect([requestId, inner]).toEqual([idOf(own), idOf(own)])
    const traced = await text.fetch('/api/log', { headers: { traceparent: TRACE } })
    expect([idOf(traced), (await traced.json() as { inner: string }).inner]).toEqual(['0af7651916cd43dd8448eb211c80319c', '0af7651916cd43dd8448eb211c80319c'])
  })

  it('is chosen by a trusted proxy only', async () => {
    const headers = { 'x-request-id': 'edge-7' }
    expect(idOf(await json.fetch('/api/log', { headers }))).toBe('edge-7')
    expect(idOf(await text.fetch('/api/log', { headers }))).not.toBe('edge-7')
  })

  it('is also in the responses to errors and to paths that do not exist', async () => {
    const ids = await Promise.all(['/api/log?fail=1', '/api/missing'].map(async path => idOf(await json.fetch(path))))
    expect(ids).toEqual([expect.stringMatching(/^[\da-f-]{36}$/), expect.stringMatching(/^[\da-f-]{36}$/)])
  })
})

describe('with the format json', () => {
  const records = () => json.logs().filter(line => line.startsWith('{')).map(line => JSON.parse(line) as Record<string, unknown>)

  it('each line of the module and each error of the app is one object, with request, instance and role', async () => {
    const response = await json.fetch('/api/log?fail=1', { headers: { 'x-request-id': 'edge-8' } })
    expect([response.status, await response.json()]).toEqual([500, expect.objectContaining({ statusCode: 500, message: 'Server Error' })])
    await json.logged('edge-8')
    expect(records().filter(({ requestId }) => requestId === 'edge-8')).toEqual([expect.objectContaining({
      level: 'error', source: 'nuxt-scale:errors', instance: 'web-1', role: 'all',
      message: 'GET /api/log was answered with 500:',
      error: expect.objectContaining({ name: 'TypeError', message: 'no such order', code: 'ORDER', stack: expect.stringContaining('log.get') }),
    })])
    expect(json.logs().filter(line => line.includes('no such order') && !line.startsWith('{'))).toEqual([])
  })

  it('the response is the same as without it', async () => {
    const [plain, lines] = await Promise.all([text, json].map(async instance => await (await instance.fetch('/api/log?fail=1')).json() as { url: string }))
    expect({ ...plain, url: '' }).toEqual({ ...lines, url: '' })
    expect(text.logs().join('\n')).toContain('[request error] [unhandled] [GET]')
  })

  it('scaleLogContext() has the fields of the call', async () => {
    const response = await json.fetch('/api/log')
    expect(await response.json()).toMatchObject({ context: { requestId: idOf(response), instance: 'web-1', role: 'all' } })
  })
})
