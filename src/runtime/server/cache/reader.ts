import { followRedirection } from '../redis/redirect'
import type { RedisClient, RedisConnection } from '../redis/types'

type Reply = (Buffer | null)[]

interface Waiting {
  keys: string[]
  resolve: (values: Reply) => void
  reject: (error: unknown) => void
}

/** Keys that fill an MGET. More would hold the server, and the replies behind it, for too long. */
const FULL_BATCH = 96

/**
 * Reads keys, and gathers the reads of one turn of the event loop.
 * On one server they become MGETs: one command, one deadline and one reply for all, and all keys of a read as of one moment.
 * A full one leaves at once, so that the server reads it while this process decodes the replies before it.
 * On a Cluster keys live in different slots, so each is a GET, which ioredis pipelines by node.
 */
export class Reader {
  #waiting: Waiting[] = []
  #keys = 0
  readonly #connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  /** The raw values of `keys`, in their order. A budget below the connection's own is not gathered with others. */
  read(keys: string[], budget: number): Promise<Reply> {
    if (this.#connection.isCluster || budget < this.#connection.commandTimeout) return this.#send(keys, budget)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ keys, resolve, reject })
      this.#keys += keys.length
      if (this.#keys >= FULL_BATCH) this.#flush()
      else if (this.#waiting.length === 1) setImmediate(() => this.#flush())
    })
  }

  #flush(): void {
    const batch = this.#waiting
    if (batch.length === 0) return // it was full before its turn
    this.#waiting = []
    this.#keys = 0
    this.#sendBatch(batch)
  }

  #sendBatch(batch: Waiting[]): void {
    const keys: string[] = []
    for (const item of batch) {
      for (const key of item.keys) keys.push(key)
    }
    this.#send(keys, this.#connection.commandTimeout).then(
      (values) => {
        let at = 0
        for (const item of batch) {
          item.resolve(item.keys.length === 1 ? [values[at]!] : values.slice(at, at + item.keys.length))
          at += item.keys.length
        }
      },
      (error) => {
        for (const item of batch) item.reject(error)
      },
    )
  }

  #send(keys: string[], budget: number): Promise<Reply> {
    return this.#connection.run(
      client => this.#connection.isCluster || keys.length === 1
        ? Promise.all(keys.map(key => followRedirection<Buffer | null>(client, commander => commander.getBuffer(key))))
        : mget(client, keys),
      budget,
    )
  }
}

/** In a pipeline of its own the command is written at once; an automatic one would wait for another turn of the event loop. */
async function mget(client: RedisClient, keys: string[]): Promise<Reply> {
  const [failure, values] = (await client.pipeline().mgetBuffer(keys).exec())![0]!
  if (failure) throw failure
  return values as Reply
}
