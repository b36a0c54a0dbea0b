import { EventEmitter } from 'node:events'
import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import type { RedisLibrary } from '../../src/runtime/server/redis/client'
import type { RedisRuntimeOptions } from '../../src/runtime/server/redis/runtime-options'
import { redisSettings } from '../../src/runtime/server/redis/settings'
import { createSubscribers, subscriberAddress } from '../../src/runtime/server/redis/client'
import type { RedisClient } from '../../src/runtime/server/redis/types'

const settingsOf = (options: RedisRuntimeOptions) => redisSettings.resolveGiven(options, {})!
const node = (host?: string, port?: number) => ({ options: { host, port } }) as unknown as Redis
const clusterWith = (nodes: Redis[]) => ({ isCluster: true, nodes: () => nodes }) as unknown as RedisClient

describe('the address of a subscriber', () => {
  it('is that of the settings on one server and with Sentinel', () => {
    expect(subscriberAddress(settingsOf({ url: 'redis://a' }), node('a', 1))).toBeUndefined()
    expect(subscriberAddress(settingsOf({ sentinels: 'a', name: 'main' }), node('a', 1), node('b', 2))).toBeUndefined()
  })

  it.each<[string, Redis[], Redis | undefined, object]>([
    ['the node that is asked for', [node('a', 1)], node('b', 2), { host: 'b', port: 2 }],
    ['the first master', [node('a', 1), node('b', 2)], undefined, { host: 'a', port: 1 }],
    ['the first start node when no master is known', [], undefined, { host: 'start', port: 6379 }],
    ['the first start node when the master has no address', [node()], undefined, { host: 'start', port: 6379 }],
  ])('on a Cluster is %s', (_, masters, asked, expected) => {
    expect(subscriberAddress(settingsOf({ cluster: 'start,other' }), clusterWith(masters), asked)).toEqual(expected)
  })
})

it('lists those that have not ended, and prints none of their errors', () => {
  const library = { Redis: EventEmitter } as unknown as RedisLibrary
  const subscribers = createSubscribers(settingsOf({ url: 'redis://a' }), library, node('a', 1))
  const first = subscribers.open()
  const second = subscribers.open()
  expect(subscribers.list()).toEqual([first, second])
  expect(() => first.emit('error', new Error('refused'))).not.toThrow()
  first.emit('end')
  expect(subscribers.list()).toEqual([second])
})
