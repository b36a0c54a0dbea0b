import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { ServerProbe } from '../../src/runtime/server/redis/server-probe'
import { PING_TIMEOUT, createServerProbe } from '../../src/runtime/server/redis/server-probe'
import type { RedisClient } from '../../src/runtime/server/redis/types'

const never = () => new Promise(() => {})

let databaseFault: string | undefined
let counted: [string, unknown][]

beforeEach(() => {
  databaseFault = undefined
  counted = []
})

function probeOf(client: object): ServerProbe {
  return createServerProbe({
    client: client as RedisClient,
    databaseFault: () => databaseFault,
    stuckClients: {
      unanswered: stuck => counted.push(['unanswered', stuck]),
      answered: alive => counted.push(['answered', alive]),
    },
  })
}

describe('one server', () => {
  const server = (overrides: object = {}) => ({ status: 'ready', ping: async () => 'PONG', role: async () => ['master'], ...overrides })

  it('is healthy when it answers', async () => {
    const client = server({ role: () => Promise.reject(new Error('nobody asked')) })
    await expect(probeOf(client).probe()).resolves.toBeUndefined()
    expect(counted).toEqual([['answered', client], ['answered', client]])
  })

  it('is not used with a database that it refused, however well it answers', async () => {
    databaseFault = 'ERR DB index is out of range'
    await expect(probeOf(server()).probe()).rejects.toThrow('ERR DB index is out of range')
    expect(counted).toEqual([])
  })

  it('counts as stuck while it does not get ready', async () => {
    const client = server({ status: 'connecting' })
    await expect(probeOf(client).probe()).rejects.toThrow('the client is connecting')
    expect(counted).toEqual([['unanswered', client]])
  })

  it('counts as stuck when it answers with an error', async () => {
    const client = server({ ping: () => Promise.reject(new Error('LOADING')) })
    await expect(probeOf(client).probe()).rejects.toThrow('a server does not answer')
    expect(counted).toEqual([['unanswered', client]])
  })

  it('counts as stuck when it is silent', async () => {
    vi.useFakeTimers()
    try {
      const client = server({ ping: never })
      const probe = expect(probeOf(client).probe()).rejects.toThrow('a server does not answer')
      await vi.advanceTimersByTimeAsync(PING_TIMEOUT - 1)
      expect(counted).toEqual([])
      await vi.advanceTimersByTimeAsync(1)
      await probe
      expect(counted).toEqual([['unanswered', client]])
    }
    finally {
      vi.useRealTimers()
    }
  })

  it('has to show that it is a master after a refused write, until it has', async () => {
    const roles = ['slave', 'master']
    const asked: string[] = []
    const client = server({
      role: async () => {
        asked.push('role')
        return [roles.shift()]
      },
    })
    const { probe, doubtMaster } = probeOf(client)
    doubtMaster()
    await expect(probe()).rejects.toThrow('a server does not answer')
    // A replica that answers is not stuck.
    expect(counted).toEqual([['answered', client]])
    await expect(probe()).resolves.toBeUndefined()
    await expect(probe()).resolves.toBeUndefined()
    expect(asked).toHaveLength(2)
  })
})

describe('a Cluster', () => {
  const node = (state: string, status = 'ready') => ({ status, cluster: async () => `cluster_enabled:1\r\ncluster_state:${state}\r\n` })
  const cluster = (nodes: object[]) => ({ isCluster: true, status: 'ready', nodes: () => nodes })

  it('is healthy when every master says that it is whole', async () => {
    const nodes = [node('ok'), node('ok', 'wait'), node('ok', 'connect')]
    const client = cluster(nodes)
    await expect(probeOf(client).probe()).resolves.toBeUndefined()
    expect(counted).toEqual([...nodes, client].map(each => ['answered', each]))
  })

  it.each<[string, object[]]>([
    ['a master says that it is not', [node('ok'), node('fail')]],
    ['a master is being connected', [node('ok'), node('ok', 'connecting')]],
    ['it has no master', []],
  ])('is not healthy when %s', async (_, nodes) => {
    await expect(probeOf(cluster(nodes)).probe()).rejects.toThrow('a server does not answer')
    expect(counted.filter(([what]) => what === 'unanswered')).toEqual([])
  })
})
