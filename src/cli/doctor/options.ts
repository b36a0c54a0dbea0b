import { shutdownBudgetOf } from '../../deploy/app-contract'
import { parseDuration } from '../../runtime/server/core/duration'
import { LEAST_SECRET_CHARACTERS } from '../../runtime/server/core/secret'
import { checkBudget } from '../../runtime/server/shutdown/budget'
import { shutdownSettings } from '../../runtime/server/shutdown/settings'
import { tenancySettings } from '../../runtime/server/tenancy/settings'
import type { Finding } from './finding'
import { notesOf } from './finding'
import type { DoctorContext } from './context'

/** Checks whether the options fit together, without a connection to any service. */
export function examineOptions(context: DoctorContext): Finding[] {
  return [
    ...examineTenancy(context),
    ...examineSecret(context),
    ...examineHealth(context),
    ...examineShutdown(context),
    ...examineLimits(context),
    ...examineShardMap(context),
  ]
}

/** Checks whether clients can forge the tenant header. */
function examineTenancy({ options: { tenancy }, functions }: DoctorContext): readonly Finding[] {
  const { findings, error, warn, ok } = notesOf('tenancy')
  if (!tenancy) return findings
  const { header, trusts } = tenancySettings.resolve(tenancy)
  if (header === undefined) ok('No header selects the tenant.')
  else if (functions.authorize) ok(`authorize() checks the tenant of the header ${header}.`)
  else if (trusts === undefined) {
    error(
      `Any client can select any tenant with the header ${header}, so a production server does not start.`,
      'Set scale.tenancy.trustedProxies to the addresses of your proxies, or add authorize() to server/scale.config.ts.',
    )
  }
  else if (tenancy.trustedProxies === 'any') {
    warn(
      `Any client can select any tenant with the header ${header}, because scale.tenancy.trustedProxies is 'any'.`,
      'Write the addresses of your proxies instead, unless all requests come through proxies that overwrite the header.',
    )
  }
  else ok(`The header ${header} is trusted only from trusted proxies.`)
  return findings
}

function examineSecret({ options: { secret }, replicas }: DoctorContext): readonly Finding[] {
  const { findings, error, warn, ok } = notesOf('secret')
  const fix = 'Set NUXT_SCALE_SECRET to the same long random string on every instance.'
  if (secret && secret.length < LEAST_SECRET_CHARACTERS) {
    error(`NUXT_SCALE_SECRET has ${secret.length} characters, but the server needs at least ${LEAST_SECRET_CHARACTERS} to start.`, fix)
  }
  else if (secret) ok('NUXT_SCALE_SECRET is set.')
  else if (replicas > 1) error('No secret is set, so each instance rejects the cursors and read-your-writes cookies of the others.', fix)
  else warn('No secret is set, so cursors and read-your-writes cookies become invalid when the server restarts.', fix)
  return findings
}

function examineHealth({ options: { health } }: DoctorContext): readonly Finding[] {
  const { findings, error, warn, ok } = notesOf('health')
  if (!health) error(
    'There is no health route, so a balancer cannot detect failing instances.',
    'Remove health: false from the scale block.',
  )
  else if (health.details === 'always') {
    warn(
      'Every client sees memory, host name and Node version, because scale.health.details is \'always\'.',
      'Write \'token\', and set NUXT_SCALE_HEALTH_TOKEN.',
    )
  }
  else if (health.details === 'token' && !health.token) {
    warn('The health route never shows details: scale.health.details is \'token\', but no token is set.', 'Set NUXT_SCALE_HEALTH_TOKEN.')
  }
  else ok(health.details === 'token'
    ? 'The health route shows '
    + 'details only to callers with the token.'
    : 'The health route does not show details.')
  return findings
}

/** Checks whether an instance can stop without losing a request, and within its time budget. */
function examineShutdown({ options: { shutdown, rabbitmq }, replicas, balancerKeepAlive }: DoctorContext): readonly Finding[] {
  const { findings, error, warn, ok } = notesOf('shutdown')
  const { keepAliveTimeout } = shutdownBudgetOf(shutdown)
  if (balancerKeepAlive !== undefined && keepAliveTimeout <= balancerKeepAlive) {
    error(
      `An instance closes an idle connection after ${keepAliveTimeout / 1000} s, but the balancer keeps it for `
      + `${balancerKeepAlive / 1000} s, `
      + 'so a request may fail on a closed connection.',
      `Set scale.shutdown.keepAliveTimeout above ${balancerKeepAlive / 1000} s, or set a shorter time in the balancer.`,
    )
  }
  if (!shutdown) {
    if (replicas > 1) {
      warn(
        'On SIGTERM an instance rejects new connections immediately, while balancers still send requests to it.',
        'Add shutdown: {} to the scale block.',
      )
    }
    return findings
  }
  const option = 'scale.rabbitmq.drainTimeout'
  const limits = rabbitmq ? [{ option, milliseconds: parseDuration(rabbitmq.drainTimeout, option) }] : []
  const exceeded = checkBudget(shutdownSettings.resolve(shutdown), limits)
  if (exceeded) {
    warn(
      `${exceeded.problem}.`,
      'Shorten one of these times, or raise gracePeriod together with the grace period of the container or service manager.',
    )
  }
  else ok('All shutdown times together fit into the grace period.')
  return findings
}

/** Checks the rate limits. If the balancer is not trusted, all callers seem to have its address. */
function examineLimits({ options: { rateLimit, redis }, replicas }: DoctorContext): readonly Finding[] {
  const { findings, warn, ok } = notesOf('rateLimit')
  if (!rateLimit) return findings
  const rules = Object.values(rateLimit.rules)
  const byAddress = rules.some(rule => typeof rule === 'object' && rule !== null && (rule.key ?? 'address') === 'address')
  if (byAddress && replicas > 1 && [rateLimit.trustedProxies].flat().length === 0) {
    warn(
      'All callers share one limit, because scale.rateLimit.trustedProxies is empty and every request has the address of the balancer.',
      'Write the addresses of your balancers into this option.',
    )
  }
  else ok('Rate limits can identify their callers.')
  if (redis === false && replicas > 1) {
    warn(`Each of ${replicas} instances counts on its own, because there is no Redis.`, 'Set NUXT_SCALE_REDIS_URL.')
  }
  if (redis !== false && rateLimit.replicas !== replicas && replicas > 1) {
    warn(
      `If Redis is down, each instance allows 1/${rateLimit.replicas} of a limit, but there are ${replicas} instances.`,
      `Set scale.rateLimit.replicas to ${replicas}.`,
    )
  }
  return findings
}

function examineShardMap({ options: { shards } }: DoctorContext): readonly Finding[] {
  const { findings, warn, ok } = notesOf('shards')
  if (!shards || shards.strategy !== 'slots' || Object.keys(shards.map).length < 2) return findings
  if (shards.slotMap || shards.slotMapFile) ok('The slot map is stored.')
  else {
    warn(
      'The slot map is not stored, so adding or removing a shard makes the app look for existing rows on the wrong shard.',
      'Run nuxt-scale shards plan --write, and set scale.shards.slotMapFile.',
    )
  }
  return findings
}
