type Listener = (...values: unknown[]) => unknown
type Caller = (listeners: Listener[], values: unknown[]) => Promise<unknown> | undefined

/** What is needed of Nitro's hooks (hookable 5). */
export interface QuietableHooks {
  callHook: (name: never, ...values: never) => Promise<unknown>
  callHookWith: (caller: never, name: never, ...values: never) => unknown
}

const NOTHING = Promise.resolve()

/**
 * Calls the listeners of a hook without the stack that hookable takes for each call, so that a debugger can tell who called.
 * Nitro calls three hooks for every request, most often for nobody, and those stacks are a seventh of what a small request costs.
 */
export function quietHooks(hooks: QuietableHooks): void {
  const callHookWith = hooks.callHookWith as (caller: Caller, name: string, ...values: unknown[]) => Promise<unknown> | undefined
  hooks.callHook = ((name: string, ...values: unknown[]) => callHookWith(inTurn, name, ...values) ?? NOTHING) as QuietableHooks['callHook']
}

/** One after the other. The first is called behind a turn, so that it fails like the others when it throws. */
function inTurn(listeners: Listener[], values: unknown[]): Promise<unknown> | undefined {
  if (listeners.length === 0) return undefined
  return listeners.reduce<Promise<unknown>>((earlier, listener) => earlier.then(() => listener(...values)), NOTHING)
}
