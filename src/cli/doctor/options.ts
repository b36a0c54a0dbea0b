import { shutdownBudgetOf } from '../../deploy/app-contract'
import { parseDuration } from '../../runtime/server/core/duration'
import { LEAST_SECRET_CHARACTERS } from '../../runtime/server/core/secret'
import { checkBudget } from '../../runtime/server/shutdown/budget'
import { resolveShutdownSettings } from '../../runtime/server/shutdown/settings'
import { resolveTenancySettings } from '../../runtime/server/tenancy/settings'
import type { Finding } from './finding'
import { notesOf } from './finding'
import type { Patient } from './patient'

/** What the options say about each other, without asking anybody. */
export function examineOptions(patient: Patient): Finding[] {
  return [...examineTenancy(patient), ...examineSecret(patient), ...examineHealth(patient), ...examineShutdown(patient), ...examineLimits(patient), ...examineShardMap(patient)]
}

/** A header that anybody may send is no identity. */
function examineTenancy({ options: { tenancy }, functions }: Patient): readonly Finding[] {
  const { findings, error, warn, ok } = notesOf('tenancy')
  if (!tenancy) return findings
  const { header, trusts } = resolveTenancySettings(tenancy)
  if (header === undefined) ok('No header names a tenant.')
  else if (functions.authorize) ok(`The header ${header} is compared with the user by authorize().`)
  else if (trusts === undefined) error(`Anybody may name any tenant in the header ${header}, and a production server does not start like this.`, 'Set scale.tenancy.trustedProxies to the addresses of your proxies, or write authorize() into server/scale.config.ts.')
  else if (tenancy.trustedProxies === 'any') warn(`Every caller may name any tenant in the header ${header}, because scale.tenancy.trustedProxies is 'any'.`, 'Write the addresses of your proxies instead, unless no request can come past them and they overwrite the header.')
  else ok(`The header ${header} is believed from trusted proxies only.`)
  return findings
}

function examineSecret({ options: { secret }, replicas }: Patient): readonly Finding[] {
  const { findings, error, warn, ok } = notesOf('secret')
  const fix = 'Set NUXT_SCALE_SECRET to the same long random text for all instances.'
  if (secret && secret.length < LEAST_SECRET_CHARACTERS) error(`NUXT_SCALE_SECRET has ${secret.length} characters, and the server does not start with less than ${LEAST_SECRET_CHARACTERS}.`, fix)
  else if (secret) ok('NUXT_SCALE_SECRET is set.')
  else if (replicas > 1) error('There is no secret, so what one instance signs (cursors, cookies of replicas) is refused by the others.', fix)
  else warn('There is no secret, so cursors and cookies of replicas do not survive a restart.', fix)
  return findings
}

function examineHealth({ options: { health } }: Patient): readonly Finding[] {
  const { findings, error, warn, ok } = notesOf('health')
  if (!health) error('There is no health route, so a balancer cannot know which instance works.', 'Take health: false out of the scale block.')
  else if (health.details === 'always') warn('Everybody sees memory, host name and version of Node, because scale.health.details is \'always\'.', 'Write \'token\', and set NUXT_SCALE_HEALTH_TOKEN.')
  else if (health.details === 'token' && !health.token) warn('Nobody sees the details of the health route: scale.health.details is \'token\', and there is no token.', 'Set NUXT_SCALE_HEALTH_TOKEN.')
  else ok(`The health route shows details to ${health.details === 'token' ? 'callers with the token' : 'nobody'}.`)
  return findings
}

/** Whether an instance can leave without losing a request, and in the time that it has. */
function examineShutdown({ options: { shutdown, rabbitmq }, replicas, balancerKeepAlive }: Patient): readonly Finding[] {
  const { findings, error, warn, ok } = notesOf('shutdown')
  const { keepAliveTimeout } = shutdownBudgetOf(shutdown)
  if (balancerKeepAlive !== undefined && keepAliveTimeout <= balancerKeepAlive) error(`An instance closes an idle connection after ${keepAliveTimeout / 1000} s, and the balancer keeps it for ${balancerKeepAlive / 1000} s, so a request may meet a closed connection.`, `Set scale.shutdown.keepAliveTimeout above ${balancerKeepAlive / 1000} s, or give the balancer a shorter time.`)
  if (!shutdown) {
    if (replicas > 1) warn('An instance that is told to end takes no more requests at once, while balancers still send it some.', 'Write shutdown: {} into the scale block.')
    return findings
  }
  const limits = rabbitmq ? [{ option: 'scale.rabbitmq.drainTimeout', milliseconds: parseDuration(rabbitmq.drainTimeout, 'scale.rabbitmq.drainTimeout') }] : []
  const sentence = checkBudget(resolveShutdownSettings(shutdown), limits)
  if (sentence) warn(`${sentence.slice(0, sentence.lastIndexOf(': '))}.`, 'Shorten one of them, or raise gracePeriod together with that of whatever runs the process.')
  else ok('Everything that may take its time at the end fits into the grace period.')
  return findings
}

/** Behind a balancer that is not trusted, all callers have its address. */
function examineLimits({ options: { rateLimit, redis }, replicas }: Patient): readonly Finding[] {
  const { findings, warn, ok } = notesOf('rateLimit')
  if (!rateLimit) return findings
  const byAddress = Object.values(rateLimit.rules).some(rule => typeof rule === 'object' && rule !== null && (rule.key ?? 'address') === 'address')
  if (byAddress && replicas > 1 && [rateLimit.trustedProxies].flat().length === 0) warn('All callers share one limit, that of the balancer\'s address, because scale.rateLimit.trustedProxies is empty.', 'Write the addresses of your balancers there.')
  else ok('Limits know their callers.')
  if (redis === false && replicas > 1) warn(`Each of ${replicas} instances counts for itself, since there is no Redis.`, 'Set NUXT_SCALE_REDIS_URL.')
  if (redis !== false && rateLimit.replicas !== replicas && replicas > 1) warn(`While Redis is away each instance allows 1/${rateLimit.replicas} of a limit, and there are ${replicas} of them.`, `Set scale.rateLimit.replicas to ${replicas}.`)
  return findings
}

function examineShardMap({ options: { shards } }: Patient): readonly Finding[] {
  const { findings, warn, ok } = notesOf('shards')
  if (!shards || shards.strategy !== 'slots' || Object.keys(shards.map).length < 2) return findings
  if (shards.slotMap || shards.slotMapFile) ok('The slot map is stored.')
  else warn('The slot map is not stored, so a shard that is added or taken away moves rows out of sight.', 'Run nuxt-scale shards plan --write, and set scale.shards.slotMapFile.')
  return findings
}
