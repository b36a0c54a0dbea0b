import type { ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { addVary, beforeHeaders } from '../../src/runtime/server/request/before-headers'

let stop: (() => void) | undefined
afterEach(() => stop?.())

async function answer(write: (response: ServerResponse) => void, change = (response: ServerResponse) => addVary(response, 'x-tenant-id')): Promise<Response> {
  const server = createServer((_request, response) => {
    beforeHeaders(response, change)
    write(response)
  })
  stop = () => server.close()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
}

describe('headers can be changed at the last moment', () => {
  it.each<[string, (response: ServerResponse) => void, string]>([
    ['end alone', response => response.end('a'), 'x-tenant-id'],
    ['write', response => response.write('a', () => response.end()), 'x-tenant-id'],
    ['setHeader', response => response.setHeader('vary', 'Accept').end('a'), 'accept, x-tenant-id'],
    ['writeHead with an object', response => response.writeHead(200, { vary: 'accept' }).end('a'), 'accept, x-tenant-id'],
    ['writeHead with a message and an object', response => response.setHeader('vary', 'cookie').writeHead(200, 'Fine', { Vary: 'accept' }).end('a'), 'accept, x-tenant-id'],
    ['writeHead with a flat list', response => response.writeHead(200, ['vary', 'accept', 'vary', 'cookie']).end('a'), 'accept, cookie, x-tenant-id'],
    ['writeHead without headers', response => response.writeHead(200).end('a'), 'x-tenant-id'],
    ['a name that is there', response => response.setHeader('vary', 'X-Tenant-Id').end('a'), 'X-Tenant-Id'],
    ['a star', response => response.setHeader('vary', '*').end('a'), '*'],
  ])('after %s', async (_, write, vary) => {
    const response = await answer(write)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('a')
    expect(response.headers.get('vary')).toBe(vary)
  })

  it.each([['', null], ['accept', 'accept'], ['x-plan, accept, host', 'cookie, accept, x-plan, host']])('with the names %j', async (names, vary) => {
    const isSet = names.includes('host')
    const response = await answer(response => (isSet ? response.setHeader('vary', 'Cookie, Accept') : response).end(), response => addVary(response, names))
    expect(response.headers.get('vary')).toBe(vary)
  })

  it('with the status that is sent', async () => {
    const response = await answer(response => response.writeHead(404, 'Gone astray').end(), response => response.setHeader('x-status', response.statusCode))
    expect([response.status, response.statusText, response.headers.get('x-status')]).toEqual([404, 'Gone astray', '404'])
  })
})
