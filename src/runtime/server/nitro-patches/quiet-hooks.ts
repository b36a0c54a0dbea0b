type Listener = (...values: unknown[]) => unknown
type Caller = (listeners: Listener[], values: unknown[]) => Promise<unknown> | undefined

/** The methods of Nitro's hooks (hookable 5) that are used here. */
export interface QuietableHooks {
  callHook: (name: never, ...values: never) => Promise<unknown>
  callHookWith: (caller: never, name: never, ...values: never) => unknown
}

const NOTHING = Promise.resolve()

/** The Nitro plugin that makes hook calls cheaper on a production server. It is a plain function, so that this file imports nothing. */
export default ({ hooks }: { hooks: QuietableHooks }): void => quietHooks(hooks)

/**
 * Replaces `callHook` by a version that does not capture a stack trace. Hookable captures one on each call, for debugging.
 * Nitro calls three hooks for every request, usually without listeners, and the stack traces cost a seventh of a small request.
 */
export function quietHooks(hooks: QuietableHooks): void {
  const callHookWith = hooks.callHookWith as (caller: Caller, name: string, ...values: unknown[]) => Promise<unknown> | undefined
  hooks.callHook = ((name: string, ...values: unknown[]) => callHookWith(inTurn, name, ...values) ?? NOTHING) as QuietableHooks['callHook']
}

/** Calls listeners one after the other. The first one is called asynchronously too, so that a synchronous throw becomes a rejection. */
function inTurn(listeners: Listener[], values: unknown[]): Promise<unknown> | undefined {
  if (listeners.length === 0) return undefined
  return listeners.reduce<Promise<unknown>>((earlier, listener) => earlier.then(() => listener(...values)), NOTHING)
}
