import { once } from 'node:events'
import type { OutgoingHttpHeaders } from 'node:http'
import { request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { afterAll, describe, expect, it } from 'vitest'
import { renderCaddy } from '../../src/deploy/caddy'
import { renderHaproxy } from '../../src/deploy/haproxy'
import type { DeployModuleOptions } from '../../src/deploy/options'
import { startBalancer } from '../support/balancer'
import { createClient } from '../support/http-client'
import { startOrigin } from '../support/origin'
import { freePort } from '../support/ports'
import { topologyOf } from '../support/topology'
import { waitFor } from '../support/wait'

const cleanups: (() => unknown)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

const programs = { haproxy: renderHaproxy, caddy: renderCaddy }

/** Three servers behind the balancer that is generated for them. They answer with the headers of the request. */
async function start(program: keyof typeof programs, options: DeployModuleOptions = {}, weights = [1, 1, 1]) {
  const origins = await Promise.all(weights.map(() => startOrigin(({ headers, url, socket }, response) => {
    if (url === '/dies') socket.destroy()
    else response.end(JSON.stringify(headers))
  })))
  cleanups.push(() => Promise.all(origins.map(origin => origin.close())))
  const port = await freePort()
  const servers = origins.map((origin, index) => ({ host: '127.0.0.1', port: origin.port, weight: weights[index] }))
  const topology = topologyOf({ tenancy: { trustedProxies: ['127.0.0.1'] }, deploy: { listen: { http: port, ipv6: false }, servers, ...options } })
  const balancer = await startBalancer(program, programs[program](topology), port)
  cleanups.push(() => balancer.stop())
  const client = createClient(port)
  cleanups.push(() => client.close())
  return { origins, client, port }
}

describe.concurrent.each(Object.keys(programs) as (keyof typeof programs)[])('the generated %s', (program) => {
  it('shares out by weight', async () => {
    const { origins, client } = await start(program, { balance: 'weighted' }, [3, 2, 1])
    await Promise.all(Array.from({ length: 6 }, async () => {
      for (let index = 0; index < 100; index++) expect((await client.request('/')).status).toBe(200)
    }))
    for (const [index, share] of [300, 200, 100].entries()) expect(Math.abs(origins[index]!.count - share)).toBeLessThanOrEqual(share * 0.05)
  })

  it('sends nothing to a server that says it is not ready, and loses nothing meanwhile', async () => {
    const { origins, client } = await start(program)
    origins[1]!.ready = false
    await waitFor(async () => {
      const before = origins[1]!.count
      for (let index = 0; index < 12; index++) expect((await client.request('/')).status).toBe(200)
      return origins[1]!.count === before
    }, { timeout: 15_000, interval: 200 })
    expect(origins[0]!.count).toBeGreaterThan(0)
    origins[1]!.ready = true
    const back = origins[1]!.count
    await waitFor(async () => (await client.request('/')).status === 200 && origins[1]!.count > back, { timeout: 15_000 })
  })

  it('gives a GET to the next server when one dies, and a POST to no other', async () => {
    const { origins, client, port } = await start(program)
    await origins[0]!.close()
    for (let index = 0; index < 12; index++) expect((await client.request('/')).status).toBe(200)
    // On a connection of its own: HAProxy ends one that is used again without an answer, and a client may then repeat the request itself.
    const once = createClient(port)
    expect((await once.request('/dies', { method: 'POST' })).status).toBeGreaterThanOrEqual(500)
    once.close()
    expect(origins.reduce((sum, { count }) => sum + count, 0)).toBe(13)
  })

  it('tells the app what it sees itself, whatever the client says', async () => {
    const { client } = await start(program)
    const forged = { 'x-forwarded-for': '6.6.6.6', 'x-real-ip': '6.6.6.6', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example', 'forwarded': 'for=6.6.6.6', 'x-tenant-id': 'acme', 'host': 'a.example' }
    const seen = JSON.parse((await client.request('/', { headers: forged })).body)
    expect(seen).toMatchObject({ 'host': 'a.example', 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'a.example' })
    expect(seen).not.toHaveProperty('forwarded')
    expect(seen).not.toHaveProperty('x-tenant-id')
  })

  it('believes a proxy before it that is trusted', async () => {
    const { client } = await start(program, { trustedProxies: ['127.0.0.1'] })
    const seen = JSON.parse((await client.request('/', { headers: { 'x-forwarded-for': '6.6.6.6, 203.0.113.9', 'x-forwarded-proto': 'https' } })).body)
    expect(seen['x-forwarded-for']).toContain('203.0.113.9')
    expect(seen['x-forwarded-proto']).toBe('https')
  })
})

describe('the generated haproxy', () => {
  describe('lets no body through that is over the limit, or of which nobody says how long it is', () => {
    const headers: Record<string, OutgoingHttpHeaders> = {
      'a length over the limit': { 'content-length': 1024 ** 2 + 1 },
      'no length': { 'transfer-encoding': 'chunked' },
      'no length, and an upgrade': { 'transfer-encoding': 'chunked', 'connection': 'upgrade', 'upgrade': 'websocket' },
    }

    it('over HTTP/1.1', async () => {
      const { origins, port } = await start('haproxy', { maxBodySize: '1mb' })
      /** Status of the answer to a request of which the first byte of the body is there. */
      const begin = (method: string, headers: OutgoingHttpHeaders) => new Promise<number | undefined>((resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port, method, headers }, (response) => {
          resolve(response.statusCode)
          sent.destroy()
        })
        sent.on('error', reject).write('a')
      })
      expect(await Promise.all(Object.values(headers).map(headers => begin('POST', headers)))).toEqual([413, 411, 411])
      expect(await begin('GET', headers['no length']!)).toBe(411)
      expect(origins.reduce((sum, { count }) => sum + count, 0)).toBe(0)
      expect(await begin('POST', { 'content-length': 1 })).toBe(200)
    })

    it('over HTTP/2', async () => {
      const { origins, port } = await start('haproxy', { maxBodySize: '1mb' })
      const session = connectHttp2(`http://127.0.0.1:${port}`)
      const begin = async (headers: OutgoingHttpHeaders, body: string) => {
        const stream = session.request(headers, { endStream: body === '' })
        if (body !== '') stream.write(body)
        const [answer] = await once(stream, 'response') as [{ ':status': number }]
        stream.close()
        return answer[':status']
      }
      expect(await begin({ ':method': 'POST' }, 'a')).toBe(411)
      expect(await begin({ ':method': 'GET' }, 'a')).toBe(411)
      for (const length of [1024 ** 2 + 1, 2 ** 32 + 1, 2 ** 52]) expect(await begin({ ':method': 'POST', 'content-length': length }, 'a')).toBe(413)
      expect(origins.reduce((sum, { count }) => sum + count, 0)).toBe(0)
      expect([await begin({ ':method': 'POST', 'content-length': 1 }, 'a'), await begin({ ':method': 'GET' }, '')]).toEqual([200, 200])
      session.destroy()
    })
  })

  it('limits the API alone, and turns other hosts away', async () => {
    const { client } = await start('haproxy', { serverName: ['shop.example', '*.shop.example'], rateLimit: { limit: 1, window: '1m', burst: 4 } })
    const statuses = async (path: string, host = 'shop.example') => (await Promise.all(Array.from({ length: 30 }, () => client.request(path, { headers: { host } })))).map(({ status }) => status)
    expect((await statuses('/api/x')).filter(status => status === 200)).toHaveLength(5)
    for (const path of ['/', '/apiary', '/api/health']) expect(new Set(await statuses(path, 'acme.shop.example'))).toEqual(new Set([200]))
    expect(new Set(await statuses('/', 'evil.example'))).toEqual(new Set([421]))
  })
})
