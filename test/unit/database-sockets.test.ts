import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createSocketGate } from '../../src/runtime/server/database/prisma/sockets'
import { waitFor } from '../support/wait'

const cleanups: (() => void)[] = []
afterEach(() => cleanups.splice(0).forEach(cleanup => cleanup()))

/** A server that answers a goodbye when it is told to. */
async function startServer() {
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.resume()
    sockets.push(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    sockets.forEach(socket => socket.destroy())
    server.close()
  })
  return { sockets, port: (server.address() as AddressInfo).port }
}

it('a socket counts until the server has closed it, and the next one waits for that', async () => {
  const { sockets, port } = await startServer()
  const gate = createSocketGate(2)
  cleanups.push(gate.destroy)
  const connected: number[] = []
  const clients = [0, 1, 2].map((index) => {
    const socket = gate.create()
    socket.on('connect', () => connected.push(index))
    return socket.connect(port, '127.0.0.1')
  })
  await waitFor(() => sockets.length === 2)
  clients[0]!.end()
  let closed = false
  await new Promise(resolve => sockets[0]!.once('end', resolve))
  expect(connected).toEqual([0, 1])
  sockets[0]!.end()
  await waitFor(() => connected.length === 3)
  expect(sockets).toHaveLength(3)
  void gate.closed().then(() => closed = true)
  clients.forEach(client => client.end())
  await Promise.all(sockets.slice(1).map(socket => new Promise(resolve => socket.readableEnded ? resolve(undefined) : socket.once('end', resolve))))
  expect(closed).toBe(false)
  sockets.forEach(socket => socket.end())
  await waitFor(() => closed)
})

it('one that was given up while it waited never connects', async () => {
  const { sockets, port } = await startServer()
  const gate = createSocketGate(1)
  const [first, second, third] = [0, 1, 2].map(() => gate.create().connect(port, '127.0.0.1'))
  await waitFor(() => sockets.length === 1)
  second!.destroy()
  first!.destroy()
  await waitFor(() => sockets.length === 2)
  expect(second!.connecting).toBe(false)
  gate.destroy()
  await gate.closed()
  expect(third!.destroyed).toBe(true)
  expect(sockets).toHaveLength(2)
})
