import type { App, EventHandler, H3Event } from 'h3'

/**
 * The stages that a request passes before it reaches the app, in this order. Each stage calls the next one, and may also work after the
 * response. A feature that is off has no stage.
 */
export const STAGES = [
  /** `shutdown`: tracks open requests, and closes idle connections. */
  'connections',
  /** `metrics`: measures requests, and answers scrapes. */
  'metrics',
  /** `log`: gives the request its id. */
  'request-id',
  /** `database`, in development: reports queries that repeat within a request. */
  'query-watch',
  /** `database`: releases the clients of the request when its response has been sent. */
  'leases',
  /** `rabbitmq`: a worker answers only health probes. */
  'worker',
  /** `rabbitmq`: adds the trace of the request to its messages. */
  'trace',
  /** `tenancy`: finds the tenant. The later stages can use it. */
  'tenant',
  /** `rateLimit`: refuses requests above a limit. */
  'rate-limit',
  /** `http`: sets the caching headers just before the response is sent. */
  'http',
] as const

export type Stage = typeof STAGES[number]

type Handle = (event: H3Event) => unknown
type Wrap = (next: Handle) => Handle
type ChainedApp = Pick<App, 'handler'>

interface Chain {
  app: Handle
  stages: Map<Stage, Wrap>
  first: Handle
}

const chains = new WeakMap<ChainedApp, Chain>()

/**
 * Adds a stage to the chain of an app, at its position in {@link STAGES}. The order of the plugins does not matter.
 *
 * @param wrap receives the next stage and returns this one. It is called again when another stage is added
 * @throws Error if the stage was added before
 */
export function addStage(app: ChainedApp, stage: Stage, wrap: Wrap): void {
  const chain = chains.get(app) ?? startChain(app)
  if (chain.stages.has(stage)) throw new Error(`The stage "${stage}" of the request chain was added twice.`)
  chain.stages.set(stage, wrap)
  chain.first = STAGES.reduceRight((next, name) => chain.stages.get(name)?.(next) ?? next, chain.app)
}

/** Replaces the handler of the app once. A plugin of the app that wraps the handler later therefore wraps the whole chain. */
function startChain(app: ChainedApp): Chain {
  const { handler } = app
  const chain: Chain = { app: handler, stages: new Map(), first: handler }
  chains.set(app, chain)
  app.handler = Object.assign((event: H3Event) => chain.first(event), handler) as EventHandler
  return chain
}
