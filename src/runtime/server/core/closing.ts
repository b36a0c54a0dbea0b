import { withDeadline } from './deadline'
import { createLog } from './log'

/**
 * The order in which features close when the server shuts down. Consumers run code of the app, so they close first,
 * even before the `close` hooks of the app's plugins. All other stages close after those hooks.
 */
const STAGES = ['consumers', 'databases', 'caches', 'redis', 'context'] as const
export type ClosingStage = typeof STAGES[number]

/** @param left milliseconds that the task may take; `Infinity` if the shutdown has no deadline */
type ClosingTask = (left: number) => unknown

const LATE = 'it took too long'

/** Part of the remaining time that a stage leaves to later stages. */
const SHARE_FOR_LATER = 0.25
/** Most milliseconds that a stage leaves to later stages. */
const MOST_FOR_LATER = 2000

interface ClosingHooks {
  hookOnce: (name: 'close', run: () => Promise<void>) => unknown
}

/** The longest time of a task, if an option sets it. */
export interface ClosingLimit {
  option: string
  milliseconds: number
}

const limits: ClosingLimit[] = []
const plans = new WeakMap<ClosingHooks, Map<ClosingStage, ClosingTask[]>>()
let deadline = Infinity

/** Sets the deadline of the shutdown. @param time time of `performance.now()` */
export function endBy(time: number): void {
  deadline = time
}

/** Returns the longest times that options set for tasks. */
export function closingLimits(): readonly ClosingLimit[] {
  return limits
}

/**
 * Registers a task that closes something when the server shuts down, in the order of the stages and within the remaining time.
 * If a task fails or hangs, the others still run.
 *
 * @param limit longest time of the task, if an option sets it
 */
export function onClose({ hooks }: { hooks: ClosingHooks }, stage: ClosingStage, task: ClosingTask, limit?: ClosingLimit): void {
  if (limit) limits.push(limit)
  let plan = plans.get(hooks)
  if (!plan) {
    plan = new Map()
    plans.set(hooks, plan)
    const [first, ...later] = STAGES
    hooks.hookOnce('close', () => runStages(plan!, [first]))
    // Registered after the `close` hooks of all plugins of this turn, which include the plugins of the app.
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
    // Turns synchronous throws into rejections.
    await withDeadline(Promise.resolve().then(() => task(left)), left, () => new Error(LATE))
  }
  catch (error) {
    // Log only the name of other errors, because their messages may contain an address.
    const reason = error instanceof Error && error.message !== LATE ? error.name : LATE
    createLog('shutdown').warn(`The shutdown stage "${stage}" did not complete: ${reason}.`)
  }
}
