import type { Duration } from '../core/duration'
import { withDeadline } from '../core/deadline'
import { parseDuration } from '../core/duration'
import { parseChoice, parseCount, refuseUnknownKeys } from '../core/settings'
import { ScatterError } from './scatter-error'

/** Asks one shard. `signal` is aborted at its deadline, and when another shard's failure ends the whole. */
export type ShardCall<Value> = (shard: string, signal: AbortSignal) => Value | Promise<Value>

export interface ScatterOptions<Value, Merged = Value[]> {
  /**
   * How many shards are asked at a time.
   * @default 4
   */
  concurrency?: number
  /**
   * Deadline of each shard, from '1ms' to '1h', counted from when it is asked.
   * @default '5s'
   */
  timeout?: Duration
  /**
   * Whether one failure fails the whole, or what came is returned and marked.
   * @default 'fail'
   */
  onError?: 'fail' | 'partial'
  /** Makes one result of the values, which are in the order of the shards. `shards` are those that answered. Default: the list of values. */
  merge?: (values: Value[], shards: string[]) => Merged
}

/** What the shards that answered had, and why others did not. */
export interface PartialResult<Merged> {
  results: Merged
  /** One for each shard without an answer, in the order of the shards. */
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
 * Asks several shards at once and merges what they answer. A hung shard costs its deadline and no more.
 *
 * @param shards names
 * @param call asks one
 * @throws ScatterError of the first shard that fails; under `onError: 'partial'` only when none answers
 */
export function scatter<Value, Merged = Value[]>(shards: readonly string[], call: ShardCall<Value>, options: ScatterOptions<Value, Merged> & { onError: 'partial' }): Promise<PartialResult<Merged>>
export function scatter<Value, Merged = Value[]>(shards: readonly string[], call: ShardCall<Value>, options?: ScatterOptions<Value, Merged> & { onError?: 'fail' }): Promise<Merged>
export async function scatter<Value, Merged>(shards: readonly string[], call: ShardCall<Value>, options: ScatterOptions<Value, Merged> = {}): Promise<Merged | PartialResult<Merged>> {
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

/** Runs lanes that each take the next shard. Rejects with the first failure under `onError: 'fail'`. */
async function askAll<Value>(shards: string[], call: ShardCall<Value>, { concurrency, timeout, onError }: Limits): Promise<Answer<Value>[]> {
  const answers: Answer<Value>[] = []
  const end = createEnd()
  const queue = shards.entries()
  const lane = async () => {
    for (const [index, shard] of queue) {
      if (end.signal.aborted) return
      try {
        answers[index] = { shard, value: await askOne(shard, call, timeout, end) }
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

/** The end of the whole before its time. */
interface End {
  signal: AbortSignal
  /** Rejects with the reason. Whoever is asked waits for it too, so the rejection is always heard. */
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

/** The value of one shard. Rejects at its deadline, and as soon as the whole ends; what the shard says after that is dropped. */
function askOne<Value>(shard: string, call: ShardCall<Value>, timeout: number, end: End): Promise<Value> {
  const late = new AbortController()
  const signal = AbortSignal.any([late.signal, end.signal])
  // Behind a turn, so that a call that throws at once has failed like any other.
  const answer = Promise.resolve().then(() => call(shard, signal)).catch((cause: unknown) => {
    throw new ScatterError(shard, 'failed, see cause', { cause })
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
  if (milliseconds < 1 || milliseconds > LONGEST_TIMEOUT) throw new TypeError(`scatter.timeout is ${JSON.stringify(timeout)}: write a time from '1ms' to '1h'.`)
  return { concurrency: parseCount(concurrency, 'scatter.concurrency'), timeout: milliseconds, onError: parseChoice(onError, ['fail', 'partial'], 'scatter.onError') }
}
