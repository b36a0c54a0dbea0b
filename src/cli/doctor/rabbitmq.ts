import { setTimeout as sleep } from 'node:timers/promises'
import { withDeadline } from '../../runtime/server/core/deadline'
import { openModel } from '../../runtime/server/rabbitmq/amqp/supervised-connection'
import { faultOf } from '../../runtime/server/rabbitmq/fault'
import { parseBrokerHost } from '../../runtime/server/rabbitmq/amqp/broker-host'
import { isAtLeast, parseVersion } from '../../runtime/server/rabbitmq/amqp/queue-arguments'
import { rabbitmqSettings } from '../../runtime/server/rabbitmq/settings'
import type { TlsSettings } from '../../runtime/server/core/tls'
import type { Finding, Notes } from './finding'
import { notesOf } from './finding'
import type { DoctorContext } from './context'
import { ANSWER_TIMEOUT } from './context'

/** Seconds between heartbeats. */
const HEARTBEAT = 10
/** Milliseconds to wait after a publish: a broker without enough memory or disk reports it within this time. */
const ALARM_WAIT = 500

/** Checks whether every RabbitMQ node answers, is new enough and accepts messages. */
export async function examineRabbitmq({ options, app, replicas }: DoctorContext): Promise<readonly Finding[]> {
  const notes = notesOf('rabbitmq')
  if (!options.rabbitmq) return notes.findings
  const { urls, tls } = rabbitmqSettings.resolve(options.rabbitmq, app.env)
  if (urls.length === 0) {
    const where = replicas > 1 ? 'the process that sends them' : 'the process'
    notes.error(
      `No RabbitMQ is configured, so messages exist only in ${where} and are lost when it stops.`,
      'Set NUXT_SCALE_RABBITMQ_URL (or RABBITMQ_URL).',
    )
  }
  await Promise.all(urls.map(url => examineNode(url, tls, notes)))
  return notes.findings
}

async function examineNode(url: string, tls: TlsSettings | undefined, notes: Notes): Promise<void> {
  const host = parseBrokerHost(url, HEARTBEAT)
  const ended = new AbortController()
  try {
    const opening = openModel(host, { name: 'nuxt-scale doctor', tls }, ended.signal)
    const model = await withDeadline(opening, ANSWER_TIMEOUT, () => new Error(`no connection within ${ANSWER_TIMEOUT} ms`))
    // Without a listener, an error event would terminate the process.
    model.on('error', () => {})
    const { version } = model.connection.serverProperties
    const blocked = new Promise<string>(resolve => model.once('blocked', resolve))
    const channel = await withDeadline(model.createChannel(), ANSWER_TIMEOUT, () => new Error(`no channel within ${ANSWER_TIMEOUT} ms`))
    // A broker reports that it is blocked only after a publish. This message has no queue, so the broker drops it.
    channel.publish('', 'nuxt-scale.doctor', Buffer.alloc(0))
    const reason = await Promise.race([blocked, sleep(ALARM_WAIT)])
    if (reason !== undefined) {
      notes.error(
        `${host.label} does not accept messages: ${reason}.`,
        'Free memory or disk of the broker, raise vm_memory_high_watermark, or lower disk_free_limit.',
      )
    }
    if (isAtLeast(parseVersion(version), 3, 10)) notes.ok(`${host.label} answers (RabbitMQ ${version}).`)
    else {
      notes.error(
        `${host.label} is RabbitMQ ${version}, whose quorum queues do not support message expiry, which retries need.`,
        'Use RabbitMQ 3.10 or newer.',
      )
    }
    // A blocked broker does not read the close frame.
    await withDeadline(model.close(), ALARM_WAIT, () => new Error('no answer')).catch(() => {})
  }
  catch (error) {
    const reason = faultOf(error).text.replace(/\.$/, '')
    notes.error(`${host.label} cannot be used: ${reason}.`, 'Start it, and check address, user, password and vhost.')
  }
  finally {
    ended.abort()
  }
}
