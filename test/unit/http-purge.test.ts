import { createServer } from 'node:http'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createPurgeCall, limitsOf } from '../../src/runtime/server/http/purge/call'
import { followInvalidations } from '../../src/runtime/server/http/purge/follow'
import { createPurgeQueue } from '../../src/runtime/server/http/purge/queue'
import { createThrottle } from '../../src/runtime/server/core/gcra'
import type { PurgeQueue, PurgeQueueOptions } from '../../src/runtime/server/http/purge/queue'
import type { HttpPurgeOptions, PurgeTarget } from '../../src/runtime/server/http/purge/settings'
import { checkPurgeOptions, purgeSettings } from '../../src/runtime/server/http/purge/settings'
import { tagFormats } from '../../src/runtime/server/http/tag-header'
import { waitFor } from '../support/wait'

interface Call { method: string, url: string, headers: IncomingHttpHeaders, body: string }

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** A server that plays the API of a CDN. */
async function startApi(answer: (response: ServerResponse, call: Call, index: number) => void = response => void response.end('{"success":true}')) {
  const calls: Call[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const call = { method: request.method!, url: request.url!, headers: request.headers, body: Buffer.concat(chunks).toString() }
      calls.push(call)
      answer(response, call, calls.length - 1)
    })
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  open.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { calls, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function createQueue(cdn: PurgeTarget, url: string, options: Partial<PurgeQueueOptions> = {}, { rate = 1000, burst = 1000 } = {}) {
  const settings = purgeSettings.resolveGiven({ url, id: 'id/1', token: 'secret' }, cdn)!
  const lines: string[] = []
  const note = (message: string) => void lines.push(message)
  const queue = createPurgeQueue({
    call: createPurgeCall(settings), limits: limitsOf(settings), throttle: createThrottle(rate, burst),
    timeout: 1000, againAfter: 0, firstPause: 5, log: { info: note, warn: note, error: note }, ...options,
  })
  open.push(() => queue.close(0))
  return { queue, lines }
}

const keysTo = (count: number) => Array.from({ length: count }, (_, index) => `acme|product:${index}`)
const sent = (call: Call): string[] => {
  if (!call.body) return String(call.headers['surrogate-key']).split(' ')
  const { surrogate_keys, tags } = JSON.parse(call.body) as Record<string, string[]>
  return (surrogate_keys ?? tags)!
}

describe('a purge', () => {
  it.each<[PurgeTarget, string, string, Record<string, string>, number[]]>([
    ['fastly', 'POST', '/service/id%2F1/purge', { 'fastly-key': 'secret' }, [256, 256, 88]],
    ['cloudflare', 'POST', '/zones/id%2F1/purge_cache', { authorization: 'Bearer secret' }, [100, 100, 100, 100, 100, 100]],
    ['generic', 'PURGE', '/', { authorization: 'Bearer secret' }, [100, 100, 100, 100, 100, 100]],
  ])('of 600 keys at %s is some calls', async (cdn, method, url, headers, sizes) => {
    const api = await startApi()
    const { queue } = createQueue(cdn, api.url)
    await Promise.all(keysTo(600).map(key => queue.purge([key])))
    expect(api.calls.map(call => sent(call).length)).toEqual(sizes)
    expect(api.calls.flatMap(sent)).toEqual(keysTo(600))
    for (const call of api.calls) {
      expect(call).toMatchObject({ method, url })
      expect(call.headers).toMatchObject(headers)
    }
  })

  it('of long keys stays within what a cache reads of a header', async () => {
    const api = await startApi()
    const { queue } = createQueue('generic', api.url)
    await queue.purge(keysTo(20).map(key => key + 'x'.repeat(1000)))
    expect(api.calls.flatMap(sent)).toHaveLength(20)
    for (const { headers } of api.calls) expect(String(headers['surrogate-key']).length).toBeLessThanOrEqual(4000)
  })

  it('reaches every cache of a list', async () => {
    const apis = await Promise.all([startApi(), startApi()])
    const { queue } = createQueue('generic', apis.map(({ url }) => url).join(', '))
    await queue.purge(['a'])
    expect(apis.map(({ calls }) => calls.map(sent))).toEqual([[['a']], [['a']]])
  })

  it.each([429, 500, 503, 'no answer', 'a cut connection'] as const)('is sent again after %s until it succeeds', async (fault) => {
    const api = await startApi((response, _, index) => {
      if (index >= 3) return void response.end('{}')
      if (fault === 'a cut connection') response.socket!.destroy()
      else if (typeof fault === 'number') response.writeHead(fault).end()
    })
    const { queue, lines } = createQueue('fastly', api.url, { timeout: 100 })
    await queue.purge(['a', 'b'])
    expect(api.calls.map(sent)).toEqual(Array.from({ length: 4 }, () => ['a', 'b']))
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(/^The CDN does not purge/)
    expect(lines[1]).toBe('The CDN purges again.')
    expect(queue.stats).toEqual({ calls: 4, faults: 3, purged: 2, lost: 0 })
  })

  it('waits as long as the CDN asks', async () => {
    const moments: number[] = []
    const api = await startApi((response, _, index) => {
      moments.push(performance.now())
      if (index === 0) response.writeHead(429, { 'retry-after': '1' }).end()
      else response.end('{}')
    })
    await createQueue('fastly', api.url).queue.purge(['a'])
    expect(moments[1]! - moments[0]!).toBeGreaterThanOrEqual(990)
  })

  it.each<[PurgeTarget, (response: ServerResponse) => void]>([
    ['fastly', response => response.writeHead(403).end()],
    ['cloudflare', response => response.end('{"success": false, "errors": [{"message": "no secret"}]}')],
    ['generic', response => response.writeHead(302, { location: 'http://elsewhere.example/' }).end()],
  ])('that %s refuses is given up, says so without a secret, and the next one is tried', async (cdn, refuse) => {
    const api = await startApi((response, _, index) => index === 0 ? refuse(response) : response.end('{"success":true}'))
    const { queue, lines } = createQueue(cdn, api.url)
    await expect(queue.purge(['a'])).rejects.toThrow('The CDN did not purge')
    await queue.purge(['b'])
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^The CDN refuses to purge one key .*check scale\.http\.purge/)
    expect(lines[0]).not.toContain('secret')
    expect(queue.stats).toMatchObject({ purged: 1, lost: 1 })
  })

  it('keeps to the rate, and what waits meanwhile shares a call', async () => {
    const api = await startApi()
    const { queue } = createQueue('fastly', api.url, {}, { rate: 10, burst: 1 })
    await queue.purge(['first'])
    const rest = Array.from({ length: 50 }, (_, index) => queue.purge([`key-${index}`, 'shared']))
    await Promise.all(rest)
    expect(api.calls.map(call => sent(call).length)).toEqual([1, 51])
  })

  it('of a key that is being purged is sent anew: the running one may have come too early', async () => {
    let release: (() => void) | undefined
    const api = await startApi((response, _, index) => {
      if (index === 0) release = () => response.end('{}')
      else response.end('{}')
    })
    const { queue } = createQueue('fastly', api.url)
    const first = queue.purge(['a'])
    await waitFor(() => release)
    const second = queue.purge(['a'])
    release!()
    await Promise.all([first, second])
    expect(api.calls.map(sent)).toEqual([['a'], ['a']])
  })

  it('happens once more after a while, and not a third time', async () => {
    const api = await startApi()
    const { queue } = createQueue('fastly', api.url, { againAfter: 50 })
    await queue.purge(['a', 'b'])
    await waitFor(() => api.calls.length === 2)
    expect(sent(api.calls[1]!)).toEqual(['a', 'b'])
    await new Promise(resolve => setTimeout(resolve, 120))
    expect(api.calls).toHaveLength(2)
  })
})

describe('the queue', () => {
  it('holds so many keys and no more, and says so once', async () => {
    const api = await startApi(response => response.writeHead(503).end())
    const { queue, lines } = createQueue('fastly', api.url, { most: 100 })
    const running = queue.purge(['running'])
    running.catch(() => {})
    await waitFor(() => api.calls.length > 0)
    const held = keysTo(100).map(key => queue.purge([key]))
    for (const promise of held) promise.catch(() => {})
    const refused = await Promise.allSettled(keysTo(150).slice(100).map(key => queue.purge([key])))
    expect(refused.every(({ status }) => status === 'rejected')).toBe(true)
    expect(lines.filter(line => line.startsWith('The queue of CDN purges is full (100 keys)'))).toHaveLength(1)
    expect(queue.stats.lost).toBe(50)
    // What waits already still can be purged.
    queue.purge([keysTo(1)[0]!]).catch(() => {})
    expect(queue.stats.lost).toBe(50)
  })

  it('is sent at the end of the server, with what was to be purged again, and takes no more', async () => {
    const api = await startApi()
    const { queue } = createQueue('fastly', api.url, { againAfter: 60_000 }, { rate: 0.01, burst: 1 })
    await queue.purge(['first'])
    const waiting = queue.purge(['second'])
    await queue.close(1000)
    await waiting
    expect(api.calls.map(sent)).toEqual([['first'], ['second', 'first']])
    await expect(queue.purge(['late'])).rejects.toThrow('because the server is shutting down')
  })

  it('holds the end up no longer than its budget, and tells what was lost', async () => {
    const api = await startApi(response => response.writeHead(503).end())
    const { queue, lines } = createQueue('fastly', api.url, { firstPause: 60_000 })
    const lost = expect(queue.purge(['a'])).rejects.toThrow('the server stopped before')
    await waitFor(() => api.calls.length === 1)
    const start = performance.now()
    await queue.close(300)
    await lost
    expect(performance.now() - start).toBeLessThan(2000)
    // Woken from its long pause it has tried again.
    expect(api.calls.length).toBeGreaterThan(1)
    expect(lines.at(-1)).toMatch(/^The server stops before the CDN has purged all keys/)
    expect(queue.stats.lost).toBe(1)
  })
})

describe('an invalidation', () => {
  const follow = (queue: Pick<PurgeQueue, 'purge'>, lines: string[] = []) => followInvalidations(queue, tagFormats.fastly!, 50, { warn: line => void lines.push(line) })

  it('waits for the CDN, but not for long, and with strict rejects when it has not confirmed', async () => {
    const silent = { purge: () => new Promise<void>(() => {}) }
    await follow(silent)({ kind: 'tag', tag: 'acme|a' }, false)
    await expect(follow(silent)({ kind: 'tag', tag: 'acme|a' }, true)).rejects.toThrow('not confirmed the purge within 50 ms')
    await follow({ purge: () => Promise.reject(new Error('refused')) })({ kind: 'tag', tag: 'acme|a' }, false)
  })

  it('by pattern reaches no CDN, and that is said once', async () => {
    const lines: string[] = []
    const listener = follow({ purge: () => Promise.reject(new Error('never')) }, lines)
    for (const glob of ['category:*', 'route:/a*', 'route:/b*']) await listener({ kind: 'pattern', pattern: { scope: '', glob } }, true)
    expect(lines).toHaveLength(1)
  })
})

describe('the throttle of purges', () => {
  it('begins full, fills at its rate, and holds no more than its burst', () => {
    let now = 0
    const throttle = createThrottle(10, 3, () => now)
    expect([1, 2, 3, 4].map(() => throttle.take())).toEqual([0, 0, 0, 100])
    now = 60
    expect(throttle.take()).toBe(40)
    now = 100
    expect(throttle.take()).toBe(0)
    now = 100_000
    expect([1, 2, 3, 4].map(() => throttle.take())).toEqual([0, 0, 0, 100])
  })
})

describe('the options of a purge', () => {
  it.each<[HttpPurgeOptions, PurgeTarget | 'nginx' | '', string]>([
    [{}, 'nginx', 'scale.http.purge requires scale.http.cdn to be one of generic, fastly, cloudflare'],
    [{}, '', 'scale.http.purge requires scale.http.cdn'],
    [{ url: 'varnish:6081' }, 'generic', 'scale.http.purge.url contains a part that is not an address'],
    [{ url: 'http://user:secret@varnish' }, 'generic', 'scale.http.purge.url contains a user name or a password'],
    [{ rate: 0 }, 'fastly', 'scale.http.purge.rate is 0: write a number above 0.'],
    [{ timeout: 0 }, 'fastly', 'scale.http.purge.timeout is 0'],
    [{ soft: true } as HttpPurgeOptions, 'fastly', 'scale.http.purge.soft is not an option'],
  ])('%j with cdn %s are refused at build', (options, cdn, message) => {
    expect(() => checkPurgeOptions(purgeSettings.complete(options), cdn)).toThrow(message)
  })

  it.each<[HttpPurgeOptions, PurgeTarget, string]>([
    [{ token: 'x' }, 'fastly', 'scale.http.purge.id is not set: set NUXT_SCALE_HTTP_PURGE_ID'],
    [{ id: 'x' }, 'cloudflare', 'scale.http.purge.token is not set: set NUXT_SCALE_HTTP_PURGE_TOKEN'],
    [{ token: 'x' }, 'generic', 'scale.http.purge.url is not set: set NUXT_SCALE_HTTP_PURGE_URL'],
  ])('%j with cdn %s stop the boot', (options, cdn, message) => {
    expect(() => purgeSettings.resolveGiven(options, cdn)).toThrow(message)
  })

  it('that are not there turn it off where the server starts', () => {
    expect(purgeSettings.resolveGiven({}, 'nginx')).toBeUndefined()
    expect(purgeSettings.resolveGiven({ id: 'x', token: 'y' }, 'fastly')).toMatchObject({ urls: ['https://api.fastly.com'], timeout: 5000, wait: 1000 })
  })
})
