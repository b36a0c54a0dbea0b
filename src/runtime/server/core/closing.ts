import { withDeadline } from './deadline'
import { createLog } from './log'

/**
 * The order in which features end with the server. Consumers run code of the app, so they end before anything that it may use,
 * also before the `close` hooks of the app's own plugins; all else ends after those.
 */
const STAGES = ['consumers', 'databases', 'caches', 'redis', 'context'] as const
export type ClosingStage = typeof STAGES[number]

/** @param left milliseconds that it may take, `Infinity` where nothing says when the process must be gone */
type ClosingTask = (left: number) => unknown

const LATE = 'no time was left'

/** What of the remaining time a stage leaves to those after it. */
const SHARE_FOR_LATER = 0.25
const MOST_FOR_LATER = 2000

interface ClosingHooks {
  hookOnce: (name: 'close', run: () => Promise<void>) => unknown
}

/** How long a task may take by an option of the app. */
export interface ClosingLimit {
  option: string
  milliseconds: number
}

const limits: ClosingLimit[] = []
const plans = new WeakMap<ClosingHooks, Map<ClosingStage, ClosingTask[]>>()
let deadline = Infinity

/** Says by when everything must have ended, in the time of `performance.now()`. */
export function endBy(time: number): void {
  deadline = time
}

/** What the tasks may take that have a say in it. */
export function closingLimits(): readonly ClosingLimit[] {
  return limits
}

/**
 * Ends something with the server, in the order of the stages and within the time that is left. A task that fails or hangs holds up no other.
 *
 * @param limit where an option of the app says how long it may take
 */
export function onClose({ hooks }: { hooks: ClosingHooks }, stage: ClosingStage, task: ClosingTask, limit?: ClosingLimit): void {
  if (limit) limits.push(limit)
  let plan = plans.get(hooks)
  if (!plan) {
    plan = new Map()
    plans.set(hooks, plan)
    const [first, ...later] = STAGES
    hooks.hookOnce('close', () => runStages(plan!, [first]))
    // Behind all plugins of this turn, which are the app's own too.
    queueMicrotask(() => hooks.hookOnce('close', () => runStages(plan!, later)))
  }
  plan.set(stage, [...plan.get(stage) ?? [], task])
}

async function runStages(plan: Map<ClosingStage, ClosingTask[]>, stages: readonly ClosingStage[]): Promise<void> {
  for (const stage of stages) {
    const left = Math.max(1, deadline - performance.now())
    const mine = left - Math.min(MOST_FOR_LATER, left * SHARE_FOR_LATER)
    await Promise.all((plan.get(stage) ?? []).map(task => runTask(task, stage, mine)))
  }
}

async function runTask(task: ClosingTask, stage: ClosingStage, left: number): Promise<void> {
  try {
    // Behind a turn, so that a task that throws at once has failed like any other.
    await withDeadline(Promise.resolve().then(() => task(left)), left, () => new Error(LATE))
  }
  catch (error) {
    // Another message may hold an address.
    const reason = error instanceof Error && error.message !== LATE ? error.name : LATE
    createLog('shutdown').warn(`The ${stage} did not end in good order: ${reason}.`)
  }
}
