import type { Channel } from 'amqplib'
import type { ExchangeDeclaration, QueueDeclaration, BrokerTopology } from '../topology'
import { createBackoff } from '../../core/backoff'
import type { Clock } from '../../core/clock'
import type { OpenConnection } from './supervised-connection'
import type { Fault } from '../fault'
import { REPLY, faultOf, isPassing } from '../fault'
import type { BrokerLog } from '../broker'
import { queueArguments } from './queue-arguments'

/** Declares exchanges, queues and bindings. A refused declaration is logged once and does not prevent the others. */
export interface Declarer {
  /** Declares a whole topology. @throws Error when the connection is lost meanwhile */
  declare: (on: OpenConnection, topology: BrokerTopology) => Promise<void>
  /** Declares an exchange. @returns why it cannot be used; undefined if it can, even if it exists with other properties */
  declareExchange: (on: OpenConnection, exchange: ExchangeDeclaration) => Promise<Fault | undefined>
}

/** Number of tries of an operation that a recovering broker refuses. Together they take up to about six seconds. */
const TRIES = 6
const FIRST_PAUSE = 200
const LONGEST_PAUSE = 3000
/** Maximum number of warnings that are remembered in order not to repeat them. */
const REMEMBERED = 1000

/** Creates a declarer. One declarer serves all connections, so it logs each refusal once and not after every reconnect. */
export function createDeclarer(log: BrokerLog, clock: Clock): Declarer {
  const warnOnce = createWarnOnce(log)

  async function attempt(on: OpenConnection, operation: (channel: Channel) => Promise<unknown>): Promise<Fault | undefined> {
    const backoff = createBackoff({ first: FIRST_PAUSE, longest: LONGEST_PAUSE, clock })
    for (let left = TRIES - 1; ; left--) {
      try {
        await on.admin.run(operation)
        return undefined
      }
      catch (error) {
        if (on.fault) throw new Error(on.fault.text, { cause: error })
        const fault = faultOf(error)
        if (!isPassing(fault) || left === 0) return fault
        await new Promise<void>(resolve => clock.setTimeout(resolve, backoff.next()))
      }
    }
  }

  /**
   * Declares an exchange or a queue. An existing one is used even if its arguments differ, or if this user has no permission to
   * declare it.
   */
  async function declareOne(
    on: OpenConnection,
    what: string,
    operation: (channel: Channel) => Promise<unknown>,
    check: (channel: Channel) => Promise<unknown>,
  ): Promise<Fault | undefined> {
    const fault = await attempt(on, operation)
    if (fault?.code === REPLY.PRECONDITION_FAILED && fault.text.includes('inequivalent arg')) {
      warnOnce(`${what} already exists with other arguments and is used unchanged: ${difference(fault.text)}. `
        + 'Change the configuration to match it, or delete it while it is empty so that it is declared again.')
      return undefined
    }
    return fault?.code === REPLY.ACCESS_REFUSED ? await attempt(on, check) && fault : fault
  }

  const declareExchange = (on: OpenConnection, { name, type }: ExchangeDeclaration) =>
    declareOne(
      on,
      `The exchange "${name}"`,
      channel => channel.assertExchange(name, type, { durable: true }),
      channel => channel.checkExchange(name),
    )

  const declareQueue = (on: OpenConnection, queue: QueueDeclaration) =>
    declareOne(
      on,
      `The queue "${queue.name}"`,
      channel => channel.assertQueue(queue.name, { durable: true, arguments: queueArguments(queue, on.version) }),
      channel => channel.checkQueue(queue.name),
    )

  return {
    declareExchange,
    async declare(on, { exchanges, queues, bindings }) {
      for (const exchange of exchanges) {
        const fault = await declareExchange(on, exchange)
        if (fault) warnOnce(`The exchange "${exchange.name}" could not be declared: ${fault.text}.`)
      }
      for (const queue of queues) {
        const fault = await declareQueue(on, queue)
        if (fault) warnOnce(`The queue "${queue.name}" could not be declared: ${fault.text}.`)
      }
      for (const { queue, exchange, routingKey } of bindings) {
        const fault = await attempt(on, channel => channel.bindQueue(queue, exchange, routingKey))
        if (fault) {
          warnOnce(`The queue "${queue}" could not be bound to the exchange "${exchange}" `
            + `with the routing key "${routingKey}": ${fault.text}.`)
        }
      }
    },
  }
}

function createWarnOnce(log: BrokerLog): (sentence: string) => void {
  const warned = new Set<string>()
  return (sentence) => {
    if (warned.has(sentence)) return
    if (warned.size === REMEMBERED) warned.clear()
    warned.add(sentence)
    log.warn(sentence)
  }
}

/**
 * Describes the first argument that differs. RabbitMQ answers, for example,
 * `inequivalent arg 'x' for queue 'q' in vhost '/': received the value '2' of type 'signedint' but current is none`.
 */
function difference(text: string): string {
  const match = /inequivalent arg '([^']+)'.*: received (.+) but current is (.+)$/.exec(text)
  return match ? `its ${match[1]} is ${plain(match[3]!)} on RabbitMQ, but ${plain(match[2]!)} is configured` : text
}

function plain(value: string): string {
  return value.replace(/^the value ('.*') of type '.*'$/, '$1')
}
