/** The event of the process that takes the place of a signal in Nitro's own shutdown. */
export const NITRO_SHUTDOWN = 'nuxt-scale:shutdown'

/** What is taken over of Nitro's shutdown. */
export interface TakenShutdown {
  /** Signals to listen to. */
  signals: NodeJS.Signals[]
  /** False: the process is to end only when nothing holds it any more. */
  mayExit: boolean
}

/**
 * Puts an event in the place of the signals that Nitro listens to, before it reads them. What the user has set of `NITRO_SHUTDOWN_*` holds.
 *
 * @param gracePeriod milliseconds. Nitro's own timeout counts twice, so it must not be the one that ends things
 * @returns undefined where `NITRO_SHUTDOWN_DISABLED` says that signals are nobody's business
 */
export function takeNitroShutdown(env: NodeJS.ProcessEnv, gracePeriod: number): TakenShutdown | undefined {
  if (env.NITRO_SHUTDOWN_DISABLED) return undefined
  const signals = (env.NITRO_SHUTDOWN_SIGNALS || 'SIGTERM SIGINT').split(' ').map(signal => signal.trim()).filter(Boolean)
  env.NITRO_SHUTDOWN_SIGNALS = NITRO_SHUTDOWN
  env.NITRO_SHUTDOWN_TIMEOUT ||= String(gracePeriod)
  return { signals: signals as NodeJS.Signals[], mayExit: !env.NITRO_SHUTDOWN_NO_FORCE_EXIT }
}
