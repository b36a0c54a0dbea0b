import type { Channel } from 'amqplib'
import type { ExchangeDeclaration, QueueDeclaration, Topology } from '../topology'
import { createBackoff } from './backoff'
import type { BrokerClock } from './clock'
import type { OpenConnection } from './connection'
import type { Fault } from './faults'
import { REPLY, faultOf, isPassing } from './faults'
import type { BrokerLog } from './options'
import { queueArguments } from './queue-arguments'

/** Declares, and tells once of what it could not: one refused declaration keeps nothing else from being made. */
export interface Declarer {
  /** @throws Error when the connection is lost meanwhile */
  declare: (on: OpenConnection, topology: Topology) => Promise<void>
  /** @returns why the exchange cannot be used; undefined when it can, be it with other properties than the declared ones */
  declareExchange: (on: OpenConnection, exchange: ExchangeDeclaration) => Promise<Fault | undefined>
}

/** How often something is tried that a recovering broker refuses, over about six seconds. */
const TRIES = 6
const FIRST_PAUSE = 200
const LONGEST_PAUSE = 3000
/** How many complaints are remembered so as not to repeat them. */
const REMEMBERED = 1000

export function createDeclarer(log: BrokerLog, clock: BrokerClock): Declarer {
  const told = new Set<string>()

  function tellOnce(sentence: string): void {
    if (told.has(sentence)) return
    if (told.size === REMEMBERED) told.clear()
    told.add(sentence)
    log.warn(sentence)
  }

  async function attempt(on: OpenConnection, operation: (channel: Channel) => Promise<unknown>): Promise<Fault | undefined> {
    const backoff = createBackoff({ base: FIRST_PAUSE, cap: LONGEST_PAUSE, clock })
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

  /** What exists can be used, also when it differs or when this user may not declare it. */
  async function declareOne(on: OpenConnection, what: string, operation: (channel: Channel) => Promise<unknown>, check: (channel: Channel) => Promise<unknown>): Promise<Fault | undefined> {
    const fault = await attempt(on, operation)
    if (fault?.code === REPLY.PRECONDITION_FAILED && fault.text.includes('inequivalent arg')) {
      tellOnce(`${what} is used as it is: ${difference(fault.text)}. Configure what it has, or delete it when nothing is in it, and it is made anew.`)
      return undefined
    }
    return fault?.code === REPLY.ACCESS_REFUSED ? await attempt(on, check) && fault : fault
  }

  const declareExchange = (on: OpenConnection, { name, type }: ExchangeDeclaration) =>
    declareOne(on, `The exchange "${name}"`, channel => channel.assertExchange(name, type, { durable: true }), channel => channel.checkExchange(name))

  const declareQueue = (on: OpenConnection, queue: QueueDeclaration) =>
    declareOne(on, `The queue "${queue.name}"`, channel => channel.assertQueue(queue.name, { durable: true, arguments: queueArguments(queue, on.version) }), channel => channel.checkQueue(queue.name))

  return {
    declareExchange,
    async declare(on, { exchanges, queues, bindings }) {
      for (const exchange of exchanges) {
        const fault = await declareExchange(on, exchange)
        if (fault) tellOnce(`The exchange "${exchange.name}" could not be declared: ${fault.text}.`)
      }
      for (const queue of queues) {
        const fault = await declareQueue(on, queue)
        if (fault) tellOnce(`The queue "${queue.name}" could not be declared: ${fault.text}.`)
      }
      for (const { queue, exchange, routingKey } of bindings) {
        const fault = await attempt(on, channel => channel.bindQueue(queue, exchange, routingKey))
        if (fault) tellOnce(`The queue "${queue}" could not be bound to the exchange "${exchange}" by "${routingKey}": ${fault.text}.`)
      }
    },
  }
}

/** RabbitMQ names the first argument that differs: `inequivalent arg 'x' for queue 'q' in vhost '/': received the value '2' of type 'signedint' but current is none`. */
function difference(text: string): string {
  const match = /inequivalent arg '([^']+)'.*: received (.+) but current is (.+)$/.exec(text)
  return match ? `its ${match[1]} is ${plain(match[3]!)} at RabbitMQ, and ${plain(match[2]!)} was asked for` : text
}

function plain(value: string): string {
  return value.replace(/^the value ('.*') of type '.*'$/, '$1')
}
