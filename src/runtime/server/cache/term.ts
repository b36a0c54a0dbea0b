import type { Redis } from 'ioredis'
import type { RedisConnection } from '../redis/types'
import type { Coherence } from './bus'

/**
 * The time in which one server is the master, as one connection of this process sees it. Entries are stored under its id, and only its own are used:
 * replication is asynchronous, so a replica that becomes the master, or a server that starts again from disk, may hold what an invalidation has deleted.
 */
export interface Term {
  /** Eight characters; '' while this process does not know which master it talks to, and then it neither uses nor stores an entry. */
  id: string
  /** Resolves when the server has said which master it is, or the connection is gone before it did. */
  readonly told: Promise<void>
}

/** Without Redis, and on a Cluster, whose masters change one by one. */
export const ONLY_TERM: Term = Object.freeze({ id: 'only....', told: Promise.resolve() })
/** The id where the server does not say which master it is. */
const UNTOLD = 'untold..'
/** ms between two looks whether a server changed its role on a connection that stays. */
const CHECK = 1000

/**
 * Keeps `coherence.term` at the term of the master that the commands of this process reach. Each connection has an object of its own,
 * which is empty until the server has said who it is; so an answer belongs to the term that was current when its command was sent, if that still is.
 *
 * @param onChange called when another master, or one that has started again, takes the place of the last
 * @returns a function that stops it
 */
export function watchTerm(connection: RedisConnection, coherence: Coherence, onChange: () => void): () => void {
  if (connection.isCluster) {
    coherence.term = ONLY_TERM
    return () => {}
  }
  const client = connection.client as Redis
  let known = ''
  let asking: Term | undefined
  let tell = () => {}

  function forget(): void {
    tell()
    const told: PromiseWithResolvers<void> = Promise.withResolvers()
    tell = told.resolve
    coherence.term = { id: '', told: told.promise }
  }

  /** @param first whether the connection has just begun, so that what was sent since belongs to this term as well */
  async function ask(first = false): Promise<void> {
    const { term } = coherence
    if (client.status !== 'ready' || asking === term) return
    asking = term
    const id = await termOf(client).catch(() => undefined)
    asking = undefined
    if (id === undefined || coherence.term !== term) return
    tell()
    if (id === term.id) return
    if (first) term.id = id
    else coherence.term = { id, told: Promise.resolve() }
    if (id === '' || id === known) return
    const replaced = known !== ''
    known = id
    if (replaced) onChange()
  }

  function begin(): void {
    // What waits for the connection since it was lost, or since the server started, is sent on this one.
    if (coherence.term.id !== '') forget()
    void ask(true)
  }

  client.on('ready', begin)
  client.on('close', forget)
  const timer = setInterval(() => void ask(), CHECK)
  timer.unref()
  forget()
  begin()
  return () => {
    tell()
    clearInterval(timer)
    client.off('ready', begin)
    client.off('close', forget)
  }
}

/** The id of the server's term; '' when it is a replica. In a pipeline of its own the question leaves before what is asked behind it. */
async function termOf(client: Redis): Promise<string> {
  const [failure, info] = (await client.pipeline().info('replication').exec())![0]!
  if (failure) {
    // An error reply, as of a user that may not ask: the cache goes on without knowing.
    if (failure.name === 'ReplyError') return UNTOLD
    throw failure
  }
  if (/^role:slave/m.test(String(info))) return ''
  // A new one with every promotion and with every start.
  return /^master_replid:(\w{8})/m.exec(String(info))?.[1] ?? UNTOLD
}
