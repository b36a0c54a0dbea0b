import { Agent, get } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import type { Balance, DeployServer } from '../../src/deploy/options'
import { createClient } from '../support/http-client'
import type { Origin } from '../support/origin'
import { startOrigin } from '../support/origin'
import { startGeneratedNginx } from '../support/topology'
import { waitFor } from '../support/wait'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** Three servers behind the nginx that is generated for them. What is asked for under /held is answered by `release`. */
async function start(balance: Balance, weights: number[] = []) {
  const held: { server: number, release: () => void }[] = []
  const origins: Origin[] = await Promise.all([0, 1, 2].map(server => startOrigin((request, response) => {
    response.setHeader('x-server', server)
    if (request.url === '/held') held.push({ server, release: () => response.end() })
    else response.end('ok')
  })))
  cleanups.push(() => Promise.all(origins.map(origin => origin.close())))
  const servers: DeployServer[] = weights.map(weight => ({ host: 'replaced', weight }))
  const nginx = await startGeneratedNginx(origins.map(({ port }) => port), { deploy: { balance, ...weights.length > 0 && { servers } } })
  cleanups.push(() => nginx.stop())
  return { origins, nginx, held, counts: () => origins.map(({ count }) => count) }
}

/** Asks so often, eight at a time. */
async function ask(port: number, count: number, path = '/'): Promise<void> {
  const client = createClient(port)
  let left = count
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (left-- > 0) expect((await client.request(path)).status).toBe(200)
  }))
  client.close()
}

/** The server that answers a client with an address of its own. */
function askFrom(localAddress: string, port: number, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, localAddress, agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(String(response.headers['x-server'])))
    }).on('error', reject)
  })
}

describe('3,000 requests over three servers', () => {
  it('in turn: a third each, within one percent', async () => {
    const { nginx, counts, origins } = await start('round-robin')
    await ask(nginx.port, 3000)
    for (const count of counts()) expect(Math.abs(count - 1000)).toBeLessThanOrEqual(10)
    expect(counts().reduce((sum, count) => sum + count)).toBe(3000)
    // Connections to the servers are kept, not made anew.
    expect(origins.reduce((sum, { connections }) => sum + connections, 0)).toBeLessThan(100)
  })

  it('by weight 3 : 2 : 1, within three percent', async () => {
    const { nginx, counts } = await start('weighted', [3, 2, 1])
    await ask(nginx.port, 3000)
    for (const [index, share] of [1500, 1000, 500].entries()) expect(Math.abs(counts()[index]! - share)).toBeLessThanOrEqual(share * 0.03)
  })

  it('by the address of the client: it always meets the same server, and not all meet one', async () => {
    const { nginx, counts } = await start('ip-hash')
    const met = new Map<string, Set<string>>()
    await Promise.all(Array.from({ length: 30 }, async (_, client) => {
      // nginx looks at the first three numbers of an address.
      const address = `127.0.${client + 1}.1`
      const agent = new Agent({ keepAlive: true })
      const servers = new Set<string>()
      for (let index = 0; index < 100; index++) servers.add(await askFrom(address, nginx.port, agent))
      met.set(address, servers)
      agent.destroy()
    }))
    expect([...met.values()].filter(({ size }) => size !== 1)).toEqual([])
    expect(counts().reduce((sum, count) => sum + count)).toBe(3000)
    expect(counts().filter(count => count > 0)).toHaveLength(3)
  })

  it('to the server with the fewest connections: the idle one gets them all', async () => {
    const { nginx, counts, held, origins } = await start('least-conn')
    const client = createClient(nginx.port)
    const pending = Array.from({ length: 36 }, () => client.request('/held'))
    await waitFor(() => held.length === 36)
    const busy = [0, 1, 2].map(server => held.filter(request => request.server === server).length)
    expect(busy).toEqual([12, 12, 12])
    for (const request of held.filter(({ server }) => server === 2)) request.release()
    await waitFor(async () => {
      // nginx must have seen the ends of those answers.
      await client.request('/')
      const idle = counts()[2]! > 0
      for (const origin of origins) origin.count = 0
      return idle
    })
    await ask(nginx.port, 3000)
    expect(counts()).toEqual([0, 0, 3000])
    for (const request of held) request.release()
    await Promise.all(pending)
    client.close()
  })
})
