import { followRedirection } from '../redis/redirect'
import type { RedisConnection } from '../redis/types'

type Reply = (Buffer | null)[]

interface Waiting {
  keys: string[]
  resolve: (values: Reply) => void
  reject: (error: unknown) => void
}

/** Keys in one MGET at most: a larger one would hold the server, and the replies behind it, for too long. */
const LARGEST_BATCH = 128

/**
 * Reads keys, and gathers the reads of one turn of the event loop.
 * On one server they become MGETs: one command, one deadline and one reply for all, and all keys of a read as of one moment.
 * On a Cluster keys live in different slots, so each is a GET, which ioredis pipelines by node.
 */
export class Reader {
  #waiting: Waiting[] = []
  readonly #connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  /** The raw values of `keys`, in their order. A budget below the connection's own is not gathered with others. */
  read(keys: string[], budget: number): Promise<Reply> {
    if (this.#connection.isCluster || budget < this.#connection.commandTimeout) return this.#send(keys, budget)
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ keys, resolve, reject }) === 1) setImmediate(() => this.#flush())
    })
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    let batch: Waiting[] = []
    let size = 0
    for (const item of waiting) {
      if (size > 0 && size + item.keys.length > LARGEST_BATCH) {
        this.#sendBatch(batch)
        batch = []
        size = 0
      }
      batch.push(item)
      size += item.keys.length
    }
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
        : client.mgetBuffer(keys),
      budget,
    )
  }
}
