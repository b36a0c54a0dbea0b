import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Coherence } from '../../src/runtime/server/cache/coherence'
import { SHARED_TERM, watchTerm } from '../../src/runtime/server/cache/term'
import type { RedisConnection } from '../../src/runtime/server/redis/types'

/** A client whose server answers when the test says so. */
class Client extends EventEmitter {
  status = 'connecting'
  questions: ((reply: [Error | null, string?]) => void)[] = []

  pipeline = () => ({ info: () => ({ exec: async () => [await new Promise(resolve => this.questions.push(resolve))] }) })

  connect(): void {
    this.status = 'ready'
    this.emit('ready')
  }

  lose(): void {
    this.status = 'reconnecting'
    this.emit('close')
  }

  async answer(...reply: [Error | null, string?]): Promise<void> {
    this.questions.shift()!(reply)
    await new Promise(resolve => setImmediate(resolve))
  }
}

const master = (id: string) => `# Replication\r\nrole:master\r\nmaster_replid:${id.repeat(5)}\r\n`
const REPLICA = '# Replication\r\nrole:slave\r\nmaster_replid:aaaaaaaaaaaaaaaa\r\n'

let client: Client
let coherence: Coherence
let changes: number
let stop: () => void

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  client = new Client()
  coherence = { epoch: 0, liveUntil: 0, term: SHARED_TERM }
  changes = 0
  stop = watchTerm({ client, isCluster: false } as unknown as RedisConnection, coherence, () => void changes++)
})

afterEach(() => {
  stop()
  expect(client.listenerCount('ready') + client.listenerCount('close')).toBe(0)
  vi.useRealTimers()
})

it('knows no term before the server has told it, and then what was sent since the connection began belongs to it', async () => {
  expect(coherence.term.id).toBe('')
  client.connect()
  const sent = coherence.term
  expect(sent.id).toBe('')
  await client.answer(null, master('aaaa1111'))
  expect(coherence.term).toBe(sent)
  expect(sent.id).toBe('aaaa1111')
  expect(changes).toBe(0)
})

it('takes what waited for the first connection for a part of it, and says when the server has told its term', async () => {
  const { term } = coherence
  let told = false
  void term.known.then(() => told = true)
  client.connect()
  expect(coherence.term).toBe(term)
  await new Promise(resolve => setImmediate(resolve))
  expect(told).toBe(false)
  await client.answer(null, master('aaaa1111'))
  expect([told, term.id]).toEqual([true, 'aaaa1111'])
})

it('says so too when the connection is lost before that, or reaches a replica', async () => {
  client.connect()
  const { known: told } = coherence.term
  client.lose()
  await told
  client.connect()
  const next = coherence.term
  await client.answer(null, master('aaaa1111')) // of the first connection
  await client.answer(null, REPLICA)
  await next.known
  expect(next.id).toBe('')
})

it('gives each connection a term of its own, and tells of a change only when the master is another', async () => {
  client.connect()
  await client.answer(null, master('aaaa1111'))
  const before = coherence.term
  client.lose()
  expect(coherence.term).not.toBe(before)
  expect(coherence.term.id).toBe('')
  client.connect()
  await client.answer(null, master('aaaa1111'))
  expect([coherence.term.id, changes]).toEqual(['aaaa1111', 0])
  client.lose()
  client.connect()
  await client.answer(null, master('bbbb2222'))
  expect([coherence.term.id, changes]).toEqual(['bbbb2222', 1])
  expect(before.id).toBe('aaaa1111')
})

it('drops an answer of a connection that is gone', async () => {
  client.connect()
  client.lose()
  client.connect()
  await client.answer(null, master('aaaa1111'))
  expect(coherence.term.id).toBe('')
  await client.answer(null, master('bbbb2222'))
  expect(coherence.term.id).toBe('bbbb2222')
})

it('notices a server that changes its role on a connection that stays', async () => {
  client.connect()
  await client.answer(null, master('aaaa1111'))
  vi.advanceTimersByTime(1000)
  await client.answer(null, REPLICA)
  const asReplica = coherence.term
  expect(asReplica.id).toBe('')
  vi.advanceTimersByTime(1000)
  await client.answer(null, master('bbbb2222'))
  expect([coherence.term.id, changes]).toEqual(['bbbb2222', 1])
  // A load that began at the replica belongs to no term.
  expect(asReplica.id).toBe('')
})

it('asks again when an answer is lost, and goes on without one where the server refuses', async () => {
  client.connect()
  await client.answer(new Error('Connection is closed.'))
  expect(coherence.term.id).toBe('')
  vi.advanceTimersByTime(1000)
  await client.answer(Object.assign(new Error('NOPERM no permission'), { name: 'ReplyError' }))
  expect(coherence.term.id).toHaveLength(8)
})

it('leaves a Cluster without terms', () => {
  const clustered: Coherence = { epoch: 0, liveUntil: 0, term: { id: '', known: Promise.resolve() } }
  watchTerm({ isCluster: true } as RedisConnection, clustered, () => {})()
  expect(clustered.term).toBe(SHARED_TERM)
})
