/** The process event that starts Nitro's own shutdown instead of a signal. */
export const NITRO_SHUTDOWN = 'nuxt-scale:shutdown'

/** Settings of Nitro's shutdown that the module takes over. */
export interface TakenShutdown {
  /** Signals to listen to. */
  signals: NodeJS.Signals[]
  /** Whether the process may be forced to exit. If false, it exits only when no handle keeps it running. */
  mayExit: boolean
}

/**
 * Replaces the signals that Nitro listens to by an event, before Nitro reads them. Other `NITRO_SHUTDOWN_*` variables keep their effect.
 *
 * @param gracePeriod milliseconds. Nitro applies its own timeout twice, so that timeout must not be the shorter one
 * @returns undefined if `NITRO_SHUTDOWN_DISABLED` disables signal handling
 */
export function takeNitroShutdown(env: NodeJS.ProcessEnv, gracePeriod: number): TakenShutdown | undefined {
  if (env.NITRO_SHUTDOWN_DISABLED) return undefined
  const signals = (env.NITRO_SHUTDOWN_SIGNALS || 'SIGTERM SIGINT').split(' ').map(signal => signal.trim()).filter(Boolean)
  env.NITRO_SHUTDOWN_SIGNALS = NITRO_SHUTDOWN
  env.NITRO_SHUTDOWN_TIMEOUT ||= String(gracePeriod)
  return { signals: signals as NodeJS.Signals[], mayExit: !env.NITRO_SHUTDOWN_NO_FORCE_EXIT }
}
