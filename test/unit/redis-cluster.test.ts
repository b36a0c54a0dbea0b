import { describe, expect, it } from 'vitest'
import { connectedMasters, isCluster, keyMasters } from '../../src/runtime/server/redis/cluster'
import type { RedisClient } from '../../src/runtime/server/redis/types'

function node(host: string, port: number) {
  return { options: { host, port } }
}

function cluster(nodes: object[], slots: string[][]): RedisClient {
  return { isCluster: true, slots, nodes: (role: string) => role === 'master' ? nodes : [] } as unknown as RedisClient
}

const single = { isCluster: false, ...node('a', 1) } as unknown as RedisClient
const a = node('a', 1)
const b = node('b', 2)
const c = node('::1', 3)

it('knows a Cluster by its mark', () => {
  expect(isCluster(single)).toBe(false)
  expect(isCluster({} as RedisClient)).toBe(false)
  expect(isCluster(cluster([], []))).toBe(true)
})

describe('one server', () => {
  it('is its own master', () => {
    expect(connectedMasters(single)).toEqual([single])
    expect(keyMasters(single)).toEqual([single])
  })
})

describe('a Cluster', () => {
  it('has the masters of its slot table, each once, whatever replicas the slots have', () => {
    const slots = [['a:1', 'b:9'], ['a:1', 'b:9'], ['::1:3'], ['a:1']]
    expect(connectedMasters(cluster([a, b, c], slots))).toEqual([a, b, c])
    expect(keyMasters(cluster([a, b, c], slots))).toEqual([a, c])
  })

  it('may have slots without an owner', () => {
    const slots: string[][] = [['a:1']]
    slots[5] = ['b:2']
    expect(keyMasters(cluster([a, b], slots))).toEqual([a, b])
  })

  it.each<[string, object[], string[][]]>([
    ['a master of the slot table', [a], [['a:1'], ['b:2']]],
    ['the slot table', [a, b], []],
  ])('refuses to name them without %s', (_, nodes, slots) => {
    expect(() => keyMasters(cluster(nodes, slots))).toThrow('Redis is not available (not every master of the Cluster is connected).')
  })
})
