import type { Redis } from 'ioredis'
import type { RedisConnection } from '../redis/types'
import type { Coherence, Term } from './coherence'

/** The constant term without Redis, and on a Cluster, whose masters change independently. */
export const SHARED_TERM: Term = Object.freeze({ id: 'only....', known: Promise.resolve() })
/** The id for a server that does not report its master id. */
const UNREPORTED = 'untold..'
/** Interval in ms of the check whether the server changed its role while the connection stayed open. */
const CHECK_INTERVAL = 1000

/**
 * Keeps `coherence.term` at the term of the current master. Each connection gets a new {@link Term} object, whose id is empty until
 * the server has reported it. A reply is therefore valid if the object is still the one that was current when the command was sent.
 *
 * @param onChange called when another master has taken over, or the master has restarted
 * @returns a function that stops the watch
 */
export function watchTerm(connection: RedisConnection, coherence: Coherence, onChange: () => void): () => void {
  if (connection.isCluster) {
    coherence.term = SHARED_TERM
    return () => {}
  }
  const client = connection.client as Redis
  let lastId = ''
  let asking: Term | undefined
  let resolveKnown = () => {}

  function forget(): void {
    resolveKnown()
    const reported: PromiseWithResolvers<void> = Promise.withResolvers()
    resolveKnown = reported.resolve
    coherence.term = { id: '', known: reported.promise }
  }

  /** @param first true on a new connection: commands that were sent on it before the reply belong to the reported term, too */
  async function ask(first = false): Promise<void> {
    const { term } = coherence
    if (client.status !== 'ready' || asking === term) return
    asking = term
    const id = await termOf(client).catch(() => undefined)
    asking = undefined
    if (id === undefined || coherence.term !== term) return
    resolveKnown()
    if (id === term.id) return
    if (first) term.id = id
    else coherence.term = { id, known: Promise.resolve() }
    if (id === '' || id === lastId) return
    const replaced = lastId !== ''
    lastId = id
    if (replaced) onChange()
  }

  function begin(): void {
    // If the id is still empty, commands wait for this connection and are sent on it. They keep their term object.
    if (coherence.term.id !== '') forget()
    void ask(true)
  }

  client.on('ready', begin)
  client.on('close', forget)
  const timer = setInterval(() => void ask(), CHECK_INTERVAL)
  timer.unref()
  forget()
  begin()
  return () => {
    resolveKnown()
    clearInterval(timer)
    client.off('ready', begin)
    client.off('close', forget)
  }
}

/** Asks for the id of the server's term; '' when it is a replica. The pipeline sends the query before any later command. */
async function termOf(client: Redis): Promise<string> {
  const [failure, info] = (await client.pipeline().info('replication').exec())![0]!
  if (failure) {
    // The server refuses INFO, for example because of an ACL. The cache then works without the id.
    if (failure.name === 'ReplyError') return UNREPORTED
    throw failure
  }
  if (/^role:slave/m.test(String(info))) return ''
  // The replication id changes with every promotion and every start.
  return /^master_replid:(\w{8})/m.exec(String(info))?.[1] ?? UNREPORTED
}
