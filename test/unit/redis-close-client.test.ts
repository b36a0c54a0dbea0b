import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { closeClient } from '../../src/runtime/server/redis/client'
import type { RedisClient } from '../../src/runtime/server/redis/types'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

/** How a client behaves when it is told to quit or to disconnect. */
interface Manners {
  status?: string
  quit?: 'ends' | 'fails' | 'hangs'
  disconnect?: 'ends' | 'hangs'
}

function clientWith({ status = 'ready', quit = 'ends', disconnect = 'ends' }: Manners) {
  const actions: string[] = []
  const client = Object.assign(new EventEmitter(), {
    status,
    quit: async () => {
      actions.push('quit')
      if (quit === 'fails') throw new Error('Connection is closed.')
      if (quit === 'hangs') await new Promise(() => {})
      end()
      return 'OK'
    },
    disconnect: () => {
      actions.push('disconnect')
      if (disconnect === 'ends') end()
    },
  })
  const end = () => {
    client.status = 'end'
    client.emit('end')
  }
  return { client, actions, end }
}

async function close(client: object): Promise<number> {
  const start = Date.now()
  const closed = closeClient(client as RedisClient).then(() => Date.now() - start)
  await vi.runAllTimersAsync()
  return closed
}

it.each<[string, Manners, string[], number]>([
  ['has ended', { status: 'end' }, [], 0],
  ['answers', {}, ['quit'], 0],
  ['refuses the goodbye', { quit: 'fails' }, ['quit', 'disconnect'], 0],
  ['does not answer', { quit: 'hangs' }, ['quit', 'disconnect'], 300],
  ['is not connected', { status: 'reconnecting' }, ['disconnect'], 0],
  ['leaves its socket open', { quit: 'hangs', disconnect: 'hangs' }, ['quit', 'disconnect'], 600],
])('closes a client that %s', async (_, manners, expected, milliseconds) => {
  const { client, actions } = clientWith(manners)
  expect(await close(client)).toBe(milliseconds)
  expect(actions).toEqual(expected)
})

it('waits for the nodes of a Cluster too', async () => {
  const node = clientWith({})
  const { client, actions } = clientWith({})
  setTimeout(node.end, 200)
  expect(await close(Object.assign(client, { isCluster: true, nodes: () => [node.client] }))).toBe(200)
  expect(actions).toEqual(['quit'])
})
