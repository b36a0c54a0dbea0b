import { describe, expect, it } from 'vitest'
import type { ModuleOptions } from '../../src/options'
import { refuseSecrets, resolveNitroPatches, resolveOptions } from '../../src/options'
import { cacheSettings } from '../../src/runtime/server/cache/settings'
import { healthSettings } from '../../src/runtime/server/health/settings'
import { rateLimitSettings } from '../../src/runtime/server/rate-limit/settings'
import { rabbitmqSettings } from '../../src/runtime/server/rabbitmq/settings'
import { redisSettings } from '../../src/runtime/server/redis/settings'
import { shutdownSettings } from '../../src/runtime/server/shutdown/settings'
import { storageSettings } from '../../src/runtime/server/storage/settings'
import { tenancySettings } from '../../src/runtime/server/tenancy/settings'

describe('options', () => {
  it('are all on with their defaults when nothing is said', () => {
    const options = resolveOptions({})
    expect(options.redis).toMatchObject({ url: '', password: '', prefix: 'scale', commandTimeout: '250ms' })
    expect(options.storage).toEqual({ redis: 'redis', cache: true })
    expect(options.cache).toMatchObject({ ttl: 300, staleTtl: 0, jitter: 0.05, lease: true, nitro: true, l1: { maxEntries: 10_000, maxBytes: '64mb', ttl: 60 } })
    expect(options.health).toMatchObject({ path: '/api/health', details: 'never' })
  })

  it('keep what is set, and what is off', () => {
    const options = resolveOptions({ redis: false, storage: false, health: false, cache: { ttl: '5m', l1: false } })
    expect(options).toMatchObject({ redis: false, storage: false, health: false, cache: { ttl: '5m', l1: false, staleTtl: 0 } })
    expect(resolveOptions({ cache: { l1: { ttl: 5 } } }).cache).toMatchObject({ l1: { ttl: 5, maxEntries: 10_000 } })
  })

  it.each<[object, string]>([
    [{ reddis: {} }, 'scale.reddis is not an option: write one of redis, storage, cache, http, health, shutdown, tenancy, database, shards, rateLimit, rabbitmq, metrics, monitoring, log, role, deploy, nitroPatches, secret.'],
    [{ cache: { tll: 1 } }, 'scale.cache.tll is not an option'],
    [{ cache: { l1: { max: 1 } } }, 'scale.cache.l1.max is not an option'],
    [{ redis: { uri: 'redis://a' } }, 'scale.redis.uri is not an option'],
    [{ storage: { mount: true } }, 'scale.storage.mount is not an option'],
    [{ cache: true }, 'scale.cache is true: write false, or an object of options.'],
    [{ cache: { ttl: -1 } }, 'scale.cache.ttl is -1: write a number of seconds'],
    [{ cache: { ttl: 0 } }, 'scale.cache.ttl is 0'],
    [{ http: { cdn: 'nginx', purge: {} } }, 'scale.http.purge requires scale.http.cdn to be one of generic, fastly, cloudflare'],
    [{ http: { cdn: 'fastly', purge: true } }, 'scale.http.purge (NUXT_SCALE_HTTP_PURGE) must be an object of options'],
    [{ http: { cdn: 'fastly', purge: {} }, cache: false }, 'scale.http.purge needs the cache, but scale.cache is false'],
    [{ cache: { staleTtl: 'soon' } }, 'scale.cache.staleTtl is "soon"'],
    [{ cache: { jitter: 2 } }, 'scale.cache.jitter is 2: write a number from 0 to 1.'],
    [{ cache: { lease: 'maybe' } }, 'scale.cache.lease is "maybe": write true or false.'],
    [{ cache: { l1: { maxBytes: 'many' } } }, 'scale.cache.l1.maxBytes is "many"'],
    [{ cache: { l1: { maxEntries: 1.5 } } }, 'scale.cache.l1.maxEntries is 1.5'],
    [{ redis: { url: 'nonsense' } }, 'scale.redis.url'],
    [{ redis: { sentinels: [{ host: 'a', port: 26_379 }] } }, 'scale.redis.name'],
    [{ redis: { name: 'mymaster' } }, 'scale.redis.sentinels'],
    [{ redis: { url: 'redis://a', prefix: 'a{b}' } }, 'scale.redis.prefix'],
    [{ storage: { redis: 'a/b' } }, 'scale.storage.redis is "a/b"'],
    [{ health: { path: 'health' } }, 'scale.health.path is "health"'],
    [{ health: { checks: { redis: 'fatal' } } }, 'scale.health.checks.redis is "fatal"'],
    [{ shutdown: { grace: 1 } }, 'scale.shutdown.grace is not an option'],
    [{ shutdown: { timeout: 'soon' } }, 'scale.shutdown.timeout is "soon"'],
    [{ rabbitmq: { uri: 'amqp://a' } }, 'scale.rabbitmq.uri is not an option'],
    [{ rabbitmq: { url: 'http://a' } }, 'scale.rabbitmq.url (NUXT_SCALE_RABBITMQ_URL) must be an address of RabbitMQ'],
    [{ rabbitmq: { prefix: 'a b' } }, 'scale.rabbitmq.prefix is "a b"'],
    [{ rabbitmq: { prefetch: 4, concurrency: 5 } }, 'scale.rabbitmq.prefetch is 4, which is less than concurrency (5)'],
    [{ rabbitmq: { timeout: '30m' } }, 'scale.rabbitmq.timeout is "30m"'],
    [{ rabbitmq: { buffer: { onFull: 'drop' } } }, 'scale.rabbitmq.buffer.onFull is "drop": write \'reject\', \'wait\'.'],
    [{ rabbitmq: { buffer: { size: 1 } } }, 'scale.rabbitmq.buffer.size is not an option'],
    [{ rabbitmq: { retry: { delays: 5 } } }, 'scale.rabbitmq.retry.delays is 5'],
    [{ rabbitmq: { retry: { delays: ['0s'] } } }, 'scale.rabbitmq.retry.delays is "0s"'],
    [{ rabbitmq: { queue: { type: 'mirrored' } } }, 'scale.rabbitmq.queue.type is "mirrored"'],
    [{ rabbitmq: { queue: { deliveryLimit: -1 } } }, 'scale.rabbitmq.queue.deliveryLimit is -1'],
    [{ metrics: { paths: '/a' } }, 'scale.metrics.paths is not an option'],
    [{ metrics: { path: 'metrics' } }, 'scale.metrics.path is "metrics"'],
    [{ metrics: { port: 70_000 } }, 'scale.metrics.port is 70000'],
    [{ metrics: { host: 'a b' } }, 'scale.metrics.host is "a b"'],
    [{ metrics: { maxSeries: 0 } }, 'scale.metrics.maxSeries is 0'],
    [{ monitoring: { sampling: 1 } }, 'scale.monitoring.sampling is not an option'],
    [{ monitoring: { sampleRate: 2 } }, 'scale.monitoring.sampleRate is 2: write a number from 0 to 1.'],
    [{ monitoring: { path: 'ingest' } }, 'scale.monitoring.path is "ingest"'],
    [{ monitoring: { trustedProxies: ['any'] } }, 'scale.monitoring.trustedProxies contains "any"'],
    [{ log: { format: 'pretty' } }, 'scale.log.format is "pretty"'],
    [{ log: { header: 'x id' } }, 'scale.log.header is "x id"'],
    [{ log: { trustedProxies: ['proxy'] } }, 'scale.log.trustedProxies contains "proxy"'],
    [{ monitoring: { release: '<b>' } }, 'scale.monitoring.release is "<b>"'],
    [{ rabbitmq: {}, role: 'boss' }, 'scale.role (NUXT_SCALE_ROLE) is "boss"'],
    [{ role: 'worker' }, 'scale.role is \'worker\', which needs scale.rabbitmq'],
  ])('%j stop the build with one sentence', (options, sentence) => {
    let message = ''
    try {
      resolveOptions(options as ModuleOptions)
    }
    catch (error) {
      message = (error as Error).message
    }
    expect(message).toContain(sentence)
    expect(message).not.toContain('\n')
  })

  it.each<[ModuleOptions, string]>([
    [{ redis: { password: 'hidden' } }, 'NUXT_SCALE_REDIS_PASSWORD'],
    [{ redis: { url: 'redis://user:hidden@10.0.0.1' } }, 'NUXT_SCALE_REDIS_URL'],
    [{ redis: { url: 'redis://:hidden@10.0.0.1' } }, 'NUXT_SCALE_REDIS_URL'],
    [{ redis: { host: '10.0.0.1', tls: { ca: '-----BEGIN CERTIFICATE-----', cert: '-----BEGIN CERTIFICATE-----', key: '-----BEGIN hidden' } } }, 'NUXT_SCALE_REDIS_TLS'],
    [{ metrics: { token: 'hidden' } }, 'NUXT_SCALE_METRICS_TOKEN'],
    [{ health: { token: 'hidden' } }, 'NUXT_SCALE_HEALTH_TOKEN'],
    [{ http: { cdn: 'fastly', purge: { token: 'hidden' } } }, 'NUXT_SCALE_HTTP_PURGE_TOKEN'],
    [{ http: { cdn: 'generic', purge: { url: 'http://user:hidden@varnish' } } }, 'NUXT_SCALE_HTTP_PURGE_TOKEN'],
    [{ rabbitmq: { url: 'amqp://a:5672,amqps://user:hidden@b' } }, 'NUXT_SCALE_RABBITMQ_URL'],
    [{ rabbitmq: { url: ['amqp://a:5672', 'amqp://user:hidden@b'] } }, 'NUXT_SCALE_RABBITMQ_URL'],
    [{ rabbitmq: { tls: { cert: '-----BEGIN CERTIFICATE-----', key: '-----BEGIN hidden' } } }, 'NUXT_SCALE_RABBITMQ_TLS_KEY'],
  ])('with a secret are refused without showing it', (options, variable) => {
    const refuse = () => refuseSecrets(resolveOptions(options))
    expect(refuse).toThrow(variable)
    expect(refuse).not.toThrow('hidden')
  })

  it('without a secret are not refused', () => {
    expect(() => refuseSecrets(resolveOptions({ redis: { url: 'redis://user@10.0.0.1:6379/1' } }))).not.toThrow()
    expect(() => refuseSecrets(resolveOptions({ redis: { host: '10.0.0.1', tls: { ca: '-----BEGIN CERTIFICATE-----', cert: '-----BEGIN CERTIFICATE-----', key: '' } } }))).not.toThrow()
    expect(() => refuseSecrets(resolveOptions({ redis: { host: '10.0.0.1', tls: true } }))).not.toThrow()
    expect(() => refuseSecrets(resolveOptions({ rabbitmq: { url: 'amqp://a:5672,amqp://user@b:5672' } }))).not.toThrow()
  })

  it.each<[string, (options: never) => unknown]>([
    ['redis', options => redisSettings.resolveGiven(options, {})],
    ['cache', cacheSettings.resolve],
    ['storage', storageSettings.resolve],
    ['health', healthSettings.resolve],
    ['shutdown', shutdownSettings.resolve],
    ['tenancy', tenancySettings.resolve],
    ['rateLimit', rateLimitSettings.resolve],
    ['rabbitmq', options => rabbitmqSettings.resolveGiven(options, {})],
  ])('of %s are refused when a variable put something else in their place, without showing it', (feature, resolve) => {
    for (const value of ['redis://:hidden@10.0.0.1', '', false, 7, null, ['redis://:hidden@10.0.0.1']]) {
      const variable = `NUXT_SCALE_${feature.replace('L', '_L').toUpperCase()}`
      expect(() => resolve(value as never)).toThrow(`scale.${feature} (${variable}) must be an object of options: set each option with its own variable, ${variable}_*.`)
    }
  })
})

describe('patches of Nitro', () => {
  const all = { hooks: true, closures: true, syntax: true, lazyModules: true, eventContext: true }

  it('are on, one by one off, or all off', () => {
    expect(resolveNitroPatches()).toEqual(all)
    expect(resolveNitroPatches({ closures: false, hooks: true })).toEqual({ ...all, closures: false })
    expect(resolveNitroPatches(false)).toEqual({ hooks: false, closures: false, syntax: false, lazyModules: false, eventContext: false })
  })

  it('of another name, and values other than true and false, are refused', () => {
    expect(() => resolveNitroPatches({ closure: false } as never)).toThrow('scale.nitroPatches.closure is not an option')
    expect(() => resolveNitroPatches({ closures: 'no' } as never)).toThrow('scale.nitroPatches.closures must be true or false, and is "no".')
    expect(() => resolveNitroPatches(true as never)).toThrow('scale.nitroPatches is true')
  })
})
