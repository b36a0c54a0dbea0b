import fc from 'fast-check'

/** How one loader behaves. Times in ms. */
export interface LoaderPlan {
  /** From its start to its look at the source. */
  before: number
  /** From its look at the source to its end. */
  after: number
  /** Which of the key's tags are named while it runs, as bits; the others are named in the options. */
  late: number
  /** Tags and the word `uncacheable` come before or after the look at the source. */
  namesFirst: boolean
  outcome: 'value' | 'undefined' | 'uncacheable' | 'failure' | 'hang'
}

/** What an invalidation names; the model knows which slots it covers. */
export type Target = { by: 'key' | 'key everywhere', slot: number } | { by: 'tag', scope: string, tag: number } | { by: 'pattern', pattern: number }

/** What happens to connections and to Redis, for `lasting` ms where it lasts. */
export type Fault
  = | { fault: 'evict entry' | 'evict lease', slot: number }
    | { fault: 'evict tag', scope: string, tag: number }
    | { fault: 'flush' }
    | { fault: 'cut subscriber' | 'cut commands' | 'cut all', process: number }
    | { fault: 'delay subscriber' | 'half-open subscriber' | 'freeze commands' | 'half-open' | 'refuse', process: number, lasting: number }
    | { fault: 'pause' | 'sleep', lasting: number }
    | { fault: 'restart' | 'cut all subscribers' }

export type Step = { at: number } & (
  | { does: 'get', process: number, slot: number, loader: LoaderPlan, early: boolean }
  | { does: 'peek', process: number, slot: number }
  | { does: 'write', process: number, target: Target, pause: number }
  | ({ does: 'fault' } & Fault)
)

/** The options that all callers of a key pass. */
interface SlotPlan {
  ttl: string
  staleTtl: string
  staleIfError: string
  timeout: string
  softTimeout: string
}

export interface Schedule {
  slots: SlotPlan[]
  steps: Step[]
}

export interface ScheduleOptions {
  /** Number of processes. */
  processes: number
  /** Steps begin within this many ms. */
  span: number
  /** Most steps. */
  steps: number
  /** Faults that may happen; none by default. */
  faults?: Fault['fault'][]
  /** Share of the steps that are faults, in percent. */
  faultShare?: number
  /** Share of the steps that write, in percent. Default 20. */
  writeShare?: number
  /** Loaders that give a value, for 4 that do something else. Default 16. */
  goodLoaders?: number
  /** Longest fault in ms. */
  longestFault?: number
  /** Steps of every schedule. */
  always?: Step[]
  /** Every load gives a value and every value lives long, so that loads can be counted. */
  calm?: boolean
}

/** Slots, scopes, tags and patterns of {@link Schedule}, as counted by the model. */
const SLOTS = 5
const TAGS = 2
const PATTERNS = 5
const SCOPES = ['', 'a']
/** The scope of an invalidation of all scopes. */
export const EVERYWHERE = '*'

/** Schedules of reads, writes and faults. They shrink to fewer, earlier and simpler steps. */
export function schedules(options: ScheduleOptions): fc.Arbitrary<Schedule> {
  const { processes, span, calm = false } = options
  const within = (max: number) => fc.integer({ min: 0, max })
  const at = fc.noBias(within(span))
  const process = within(processes - 1)
  const slot = within(SLOTS - 1)
  const scope = fc.constantFrom(...SCOPES)
  const tag = within(TAGS - 1)
  const delay = fc.oneof(fc.constant(0), fc.noBias(within(30)))
  const loader: fc.Arbitrary<LoaderPlan> = fc.record({
    before: delay,
    after: delay,
    late: calm ? fc.constant(0) : within(3),
    namesFirst: fc.boolean(),
    outcome: calm
      ? fc.constant('value' as const)
      : fc.oneof(
          { weight: options.goodLoaders ?? 16, arbitrary: fc.constant('value' as const) },
          { weight: 1, arbitrary: fc.constantFrom('undefined' as const, 'uncacheable' as const) },
          { weight: 2, arbitrary: fc.constant('failure' as const) },
          { weight: 1, arbitrary: fc.constant('hang' as const) },
        ),
  })
  const target: fc.Arbitrary<Target> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ by: fc.constant('key' as const), slot }) },
    { weight: 3, arbitrary: fc.record({ by: fc.constant('tag' as const), scope: fc.constantFrom(...SCOPES, EVERYWHERE), tag }) },
    { weight: 2, arbitrary: fc.record({ by: fc.constant('pattern' as const), pattern: within(PATTERNS - 1) }) },
    { weight: 1, arbitrary: fc.record({ by: fc.constant('key everywhere' as const), slot }) },
  )
  const get = fc.record({ at, does: fc.constant('get' as const), process, slot, loader, early: calm ? fc.constant(false) : fc.boolean() })
  const peek = fc.record({ at, does: fc.constant('peek' as const), process, slot })
  const write = fc.record({ at, does: fc.constant('write' as const), process, target, pause: within(3) })
  const choices: fc.WeightedArbitrary<Step>[] = [
    { weight: 65, arbitrary: get },
    { weight: 5, arbitrary: peek },
    { weight: options.writeShare ?? 20, arbitrary: write },
  ]
  if (options.faults) choices.push({ weight: options.faultShare ?? 10, arbitrary: fault(options.faults) })

  function fault(faults: Fault['fault'][]): fc.Arbitrary<Step> {
    const { longestFault = 1000 } = options
    const lasting = fc.noBias(fc.integer({ min: 20, max: longestFault }))
    return fc.constantFrom(...faults).chain((name): fc.Arbitrary<Step> => {
      const base = { at, does: fc.constant('fault' as const) }
      switch (name) {
        case 'evict entry':
        case 'evict lease':
          return fc.record({ ...base, fault: fc.constant(name), slot })
        case 'evict tag':
          return fc.record({ ...base, fault: fc.constant(name), scope, tag })
        case 'flush':
        case 'restart':
        case 'cut all subscribers':
          return fc.record({ ...base, fault: fc.constant(name) })
        case 'pause':
        case 'sleep':
          return fc.record({ ...base, fault: fc.constant(name), lasting: fc.noBias(fc.integer({ min: 20, max: 600 })) })
        case 'cut subscriber':
        case 'cut commands':
        case 'cut all':
          return fc.record({ ...base, fault: fc.constant(name), process })
        default:
          return fc.record({ ...base, fault: fc.constant(name), process, lasting })
      }
    })
  }

  const slotPlan: fc.Arbitrary<SlotPlan> = calm
    ? fc.constant({ ttl: '60s', staleTtl: '0s', staleIfError: '0s', timeout: '30s', softTimeout: '30s' })
    : fc.record({
        ttl: fc.constantFrom('60s', '60s', '40ms', '150ms'),
        staleTtl: fc.constantFrom('0s', '0s', '100ms', '5s'),
        staleIfError: fc.constantFrom('0s', '0s', '100ms', '5s'),
        timeout: fc.constantFrom('30s', '400ms'),
        softTimeout: fc.constantFrom('30s', '20ms'),
      })

  return fc.record({
    slots: fc.array(slotPlan, { minLength: SLOTS, maxLength: SLOTS }),
    // Without bias: short schedules come from shrinking, not from chance.
    steps: fc.noBias(fc.array(fc.oneof(...choices), { minLength: 1, maxLength: options.steps, size: 'max' })).map(steps => [...options.always ?? [], ...steps]),
  })
}
