import { EventEmitter } from 'node:events'
import { beforeEach, describe, expect, it } from 'vitest'
import type { ClientEvents } from '../../src/runtime/server/redis/client-events'
import { watchClient } from '../../src/runtime/server/redis/client-events'
import type { RedisClient } from '../../src/runtime/server/redis/types'

let told: string[]

beforeEach(() => {
  told = []
})

function watch(client: object): ClientEvents {
  return watchClient(client as RedisClient, {
    lost: reason => told.push(`lost: ${reason}`),
    ready: () => told.push('ready'),
    nodeReady: () => told.push('node ready'),
    outside: (work) => {
      told.push('outside')
      work()
    },
  })
}

describe('one server', () => {
  const server = (status: string) => Object.assign(new EventEmitter(), { status })

  it('says that it is ready', () => {
    const client = server('ready')
    watch(client)
    client.emit('ready')
    expect(told).toEqual(['ready'])
  })

  it('gives the last error as the reason for the close and the end, until it was ready again', () => {
    const client = server('ready')
    watch(client)
    client.emit('error', new Error('read ECONNRESET'))
    expect(told).toEqual([])
    client.emit('close')
    client.emit('end')
    client.emit('ready')
    client.emit('close')
    expect(told).toEqual(['lost: read ECONNRESET', 'lost: read ECONNRESET', 'ready', 'lost: the connection was closed'])
  })

  it('is lost with an error before it is ready', () => {
    const client = server('connecting')
    watch(client)
    client.emit('error', new Error('All sentinels are unreachable'))
    expect(told).toEqual(['lost: All sentinels are unreachable'])
  })

  it.each([
    'ERR DB index is out of range',
    'ERR invalid DB index',
    'ERR SELECT is not allowed in cluster mode',
  ])('is lost, and not ready, when its database is refused: %s', (message) => {
    const client = server('ready')
    const events = watch(client)
    expect(events.databaseFault).toBeUndefined()
    client.emit('error', new Error(message))
    client.emit('ready')
    expect(events.databaseFault).toBe(message)
    expect(told).toEqual([`lost: ${message}`])
    client.emit('connecting')
    expect(events.databaseFault).toBeUndefined()
    client.emit('ready')
    expect(told.at(-1)).toBe('ready')
  })
})

describe('a Cluster', () => {
  function node(status: string, readOnly = false) {
    const own = Object.assign(new EventEmitter(), {
      status,
      options: { readOnly },
      attempts: 0,
      connect: () => {
        own.attempts++
        return Promise.reject(new Error('refused'))
      },
    })
    return own
  }

  function cluster(status: string, nodes: object[]) {
    return Object.assign(new EventEmitter(), { isCluster: true, status, nodes: () => nodes })
  }

  it('connects its lazy masters outside a request when it is ready', () => {
    const nodes = [node('wait'), node('ready'), node('wait', true)]
    const client = cluster('ready', nodes)
    watch(client)
    client.emit('ready')
    expect(nodes.map(({ attempts }) => attempts)).toEqual([1, 0, 0])
    expect(told).toEqual(['ready', 'outside'])
  })

  it.each([['ready', 1], ['connecting', 0]])('when it is %s, connects a new node %i times, and says when that is ready', (status, attempts) => {
    const client = cluster(status, [])
    watch(client)
    const added = node('wait')
    client.emit('+node', added)
    expect(added.attempts).toBe(attempts)
    added.emit('ready')
    expect(told.at(-1)).toBe('node ready')
  })

  it.each<[string, object[], string[]]>([
    ['is lost when no master can be used', [node('reconnecting'), node('end')], ['lost: connect ECONNREFUSED']],
    ['is not lost while one can', [node('reconnecting'), node('wait')], []],
  ])('%s after a node has failed', (_, nodes, expected) => {
    const client = cluster('ready', nodes)
    watch(client)
    client.emit('node error', new Error('connect ECONNREFUSED'))
    expect(told).toEqual(expected)
  })

  it('names the error of a node when it closes', () => {
    const client = cluster('connecting', [])
    watch(client)
    client.emit('node error', new Error('connect ECONNREFUSED'))
    client.emit('close')
    expect(told).toEqual(['lost: connect ECONNREFUSED'])
  })
})
