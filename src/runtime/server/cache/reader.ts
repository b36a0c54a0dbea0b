import { followRedirection } from '../redis/redirect'
import type { RedisClient, RedisConnection } from '../redis/types'

type Reply = (Buffer | null)[]

interface Waiting {
  keys: string[]
  resolve: (values: Reply) => void
  reject: (error: unknown) => void
}

/** Number of keys at which a batch is sent at once. A longer MGET would block the server, and later replies, for too long. */
const FULL_BATCH = 96

/**
 * Reads keys, and batches the reads of one turn of the event loop.
 * On one server a batch becomes one MGET: one command, one deadline and one reply. All keys of a read are from the same moment.
 * A full batch is sent at once, so that the server works on it while this process decodes earlier replies.
 * On a Cluster the keys are in different slots, so each one is a GET, which ioredis pipelines per node.
 */
export class Reader {
  #waiting: Waiting[] = []
  #keys = 0
  readonly #connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  /** Returns the raw values of `keys`, in their order. A read with a budget below the command timeout is not batched. */
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
    if (batch.length === 0) return // The batch was full and has been sent already.
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
      this.#connection.isCluster || keys.length === 1 ? 'GET' : 'MGET',
    )
  }
}

/** Sends an MGET in its own pipeline, which is written at once. Automatic pipelining would wait for another turn of the event loop. */
async function mget(client: RedisClient, keys: string[]): Promise<Reply> {
  const [failure, values] = (await client.pipeline().mgetBuffer(keys).exec())![0]!
  if (failure) throw failure
  return values as Reply
}
