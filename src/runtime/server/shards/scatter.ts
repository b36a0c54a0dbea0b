import type { Duration } from '../core/duration'
import { withDeadline } from '../core/deadline'
import { parseDuration } from '../core/duration'
import { shardChannel } from '../core/tracing-channels'
import { parseChoice, parseCount, refuseUnknownKeys } from '../core/settings'
import { ScatterError } from './scatter-error'

/** Queries one shard. `signal` aborts at the deadline of the shard, and when the failure of another shard ends the whole call. */
export type ShardCall<Value> = (shard: string, signal: AbortSignal) => Value | Promise<Value>

/** Options of {@link scatterOver}. */
export interface ScatterOptions<Value, Merged = Value[]> {
  /**
   * Most shards that are queried at the same time.
   * @default 4
   */
  concurrency?: number
  /**
   * Time limit for each shard, from `'1ms'` to `'1h'`, counted from the start of its query. Plain numbers are seconds.
   * @default '5s'
   */
  timeout?: Duration
  /**
   * Behaviour when a shard fails. `'fail'` rejects with its error. `'partial'` returns the results of the other shards, with the errors.
   * @default 'fail'
   */
  onError?: 'fail' | 'partial'
  /**
   * Combines the values, which are in the order of the shards. `shards` are the names of the shards that answered.
   * By default the result is the array of values.
   */
  merge?: (values: Value[], shards: string[]) => Merged
}

/** Results of the shards that answered, and errors of the others. */
export interface PartialResult<Merged> {
  results: Merged
  /** One error for each shard without a result, in the order of the shards. */
  errors: ScatterError[]
  /** Whether a shard is missing from the results. */
  partial: boolean
}

interface Limits {
  concurrency: number
  /** Milliseconds. */
  timeout: number
  onError: 'fail' | 'partial'
}

const LONGEST_TIMEOUT = 3_600_000

/**
 * Queries several shards concurrently and merges their results. A hanging shard delays the call by at most its `timeout`.
 *
 * @param shards names of the shards
 * @param call queries one shard
 * @throws ScatterError of the first shard that fails. With `onError: 'partial'`, only if no shard answers
 */
export function scatterOver<Value, Merged = Value[]>(
  shards: readonly string[], call: ShardCall<Value>, options: ScatterOptions<Value, Merged> & { onError: 'partial' },
): Promise<PartialResult<Merged>>
export function scatterOver<Value, Merged = Value[]>(
  shards: readonly string[], call: ShardCall<Value>, options?: ScatterOptions<Value, Merged> & { onError?: 'fail' },
): Promise<Merged>
export function scatterOver<Value, Merged>(
  shards: readonly string[], call: ShardCall<Value>, options: ScatterOptions<Value, Merged> = {},
): Promise<Merged | PartialResult<Merged>> {
  if (!shardChannel.hasSubscribers) return askAndMerge(shards, call, options)
  return shardChannel.tracePromise(() => askAndMerge(shards, call, options), { operation: 'scatter', shards: [...shards] })
}

async function askAndMerge<Value, Merged>(
  shards: readonly string[], call: ShardCall<Value>, options: ScatterOptions<Value, Merged>,
): Promise<Merged | PartialResult<Merged>> {
  const limits = resolveLimits(options)
  const answers = await askAll([...shards], call, limits)
  const errors = answers.flatMap(answer => 'error' in answer ? [answer.error] : [])
  if (errors.length > 0 && errors.length === shards.length) throw errors[0]!
  const answered = answers.flatMap(answer => 'value' in answer ? [answer] : [])
  const values = answered.map(({ value }) => value)
  const results = options.merge ? options.merge(values, answered.map(({ shard }) => shard)) : values as Merged
  return limits.onError === 'fail' ? results : { results, errors, partial: errors.length > 0 }
}

type Answer<Value> = { shard: string, value: Value } | { shard: string, error: ScatterError }

/** Runs `concurrency` lanes, each of which takes the next shard. With `onError: 'fail'`, rejects with the first failure. */
async function askAll<Value>(
  shards: string[], call: ShardCall<Value>, { concurrency, timeout, onError }: Limits,
): Promise<Answer<Value>[]> {
  const answers: Answer<Value>[] = []
  const end = createEnd()
  const queue = shards.entries()
  const lane = async () => {
    for (const [index, shard] of queue) {
      if (end.signal.aborted) return
      try {
        const ask = () => askOne(shard, call, timeout, end)
        const answer = shardChannel.hasSubscribers ? shardChannel.tracePromise(ask, { operation: 'query', shard }) : ask()
        answers[index] = { shard, value: await answer }
      }
      catch (error) {
        if (onError === 'fail') {
          end.with(error)
          throw error
        }
        answers[index] = { shard, error: error as ScatterError }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, shards.length) }, lane))
  return answers
}

/** Ends the whole call early. */
interface End {
  signal: AbortSignal
  /** Rejects with the reason. Every running query also waits for it, so the rejection is always handled. */
  reached: Promise<never>
  with: (reason: unknown) => void
}

function createEnd(): End {
  const controller = new AbortController()
  const { promise, reject } = Promise.withResolvers<never>()
  return {
    signal: controller.signal,
    reached: promise,
    with(reason) {
      reject(reason)
      controller.abort(reason)
    },
  }
}

/** Returns the value of one shard. Rejects at its deadline, or when the whole call ends; later results of the shard are ignored. */
function askOne<Value>(shard: string, call: ShardCall<Value>, timeout: number, end: End): Promise<Value> {
  const late = new AbortController()
  const signal = AbortSignal.any([late.signal, end.signal])
  // Called in a promise chain, so that a synchronous throw becomes a rejection.
  const answer = Promise.resolve().then(() => call(shard, signal)).catch((cause: unknown) => {
    throw new ScatterError(shard, 'failed: see the cause of this error', { cause })
  })
  return withDeadline(Promise.race([answer, end.reached]), timeout, () => {
    const error = new ScatterError(shard, `did not answer within ${timeout} ms`, { timedOut: true })
    late.abort(error)
    return error
  })
}

function resolveLimits({ concurrency = 4, timeout = '5s', onError = 'fail', ...rest }: ScatterOptions<never, unknown>): Limits {
  refuseUnknownKeys(rest, ['merge'], 'scatter')
  const milliseconds = parseDuration(timeout, 'scatter.timeout')
  if (milliseconds < 1 || milliseconds > LONGEST_TIMEOUT) {
    throw new TypeError(`scatter.timeout is ${JSON.stringify(timeout)}: write a time from '1ms' to '1h'.`)
  }
  return {
    concurrency: parseCount(concurrency, 'scatter.concurrency'),
    timeout: milliseconds,
    onError: parseChoice(onError, ['fail', 'partial'], 'scatter.onError'),
  }
}
