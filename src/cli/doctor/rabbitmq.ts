import { setTimeout as sleep } from 'node:timers/promises'
import { withDeadline } from '../../runtime/server/core/deadline'
import { openModel } from '../../runtime/server/rabbitmq/amqp/connection'
import { faultOf } from '../../runtime/server/rabbitmq/amqp/faults'
import { parseHost } from '../../runtime/server/rabbitmq/amqp/host'
import { isAtLeast, parseVersion } from '../../runtime/server/rabbitmq/amqp/version'
import { resolveRabbitmqSettings } from '../../runtime/server/rabbitmq/settings'
import type { TlsSettings } from '../../runtime/server/core/tls'
import type { Finding, Notes } from './finding'
import { notesOf } from './finding'
import type { Patient } from './patient'
import { ANSWER_TIMEOUT } from './patient'

/** Seconds between heartbeats. */
const HEARTBEAT = 10
/** Milliseconds in which a broker that is short of memory or disk says so after a publish. */
const ALARM_WAIT = 500

/** Whether every node of RabbitMQ answers, is new enough, and takes messages. */
export async function examineRabbitmq({ options, app, replicas }: Patient): Promise<readonly Finding[]> {
  const notes = notesOf('rabbitmq')
  if (!options.rabbitmq) return notes.findings
  const { urls, tls } = resolveRabbitmqSettings(options.rabbitmq, app.env)
  if (urls.length === 0) notes.error(`There is no RabbitMQ, so messages live in ${replicas > 1 ? 'the process that sends them' : 'the process'} and end with it.`, 'Set NUXT_SCALE_RABBITMQ_URL (or RABBITMQ_URL).')
  await Promise.all(urls.map(url => examineNode(url, tls, notes)))
  return notes.findings
}

async function examineNode(url: string, tls: TlsSettings | undefined, notes: Notes): Promise<void> {
  const host = parseHost(url, HEARTBEAT)
  const ended = new AbortController()
  try {
    const model = await withDeadline(openModel(host, { name: 'nuxt-scale doctor', tls }, ended.signal), ANSWER_TIMEOUT, () => new Error(`no connection within ${ANSWER_TIMEOUT} ms`))
    // Without a listener an error would end the process.
    model.on('error', () => {})
    const { version } = model.connection.serverProperties
    const blocked = new Promise<string>(resolve => model.once('blocked', resolve))
    const channel = await withDeadline(model.createChannel(), ANSWER_TIMEOUT, () => new Error(`no channel within ${ANSWER_TIMEOUT} ms`))
    // A broker says that it takes no messages only to those who send one. This one has no queue, and is dropped.
    channel.publish('', 'nuxt-scale.doctor', Buffer.alloc(0))
    const reason = await Promise.race([blocked, sleep(ALARM_WAIT)])
    if (reason !== undefined) notes.error(`${host.label} takes no messages: ${reason}.`, 'Free memory or disk of the broker, or raise vm_memory_high_watermark or lower disk_free_limit.')
    if (isAtLeast(parseVersion(version), 3, 10)) notes.ok(`${host.label} answers (RabbitMQ ${version}).`)
    else notes.error(`${host.label} is RabbitMQ ${version}, whose quorum queues have no expiry of messages, which retries need.`, 'Use 3.10 or newer.')
    // A broker that takes no messages does not read the goodbye either.
    await withDeadline(model.close(), ALARM_WAIT, () => new Error('no answer')).catch(() => {})
  }
  catch (error) {
    notes.error(`${host.label} cannot be used: ${faultOf(error).text.replace(/\.$/, '')}.`, 'Start it, and look at address, user, password and vhost.')
  }
  finally {
    ended.abort()
  }
}
