import type { Topology } from '../topology'

/** A server that the app needs, as a Compose service. */
export interface BackingService {
  name: string
  service: object
  volume: string
}

const PASSWORDS = {
  rabbitmq: '${RABBITMQ_PASSWORD:?write RABBITMQ_PASSWORD into .env}',
  postgres: '${POSTGRES_PASSWORD:?write POSTGRES_PASSWORD into .env}',
}
/** A health check every two seconds. A server has one minute to start. */
const checked = (...test: string[]) => ({ test: ['CMD', ...test], interval: '2s', timeout: '5s', retries: 30 })

/** All servers that the app needs, and the environment variables with their addresses. */
export function backingOf(topology: Topology): {
  services: BackingService[]
  environment: Record<string, string>
  configs: Record<string, { content: string }>
} {
  const databases = databasesOf(topology)
  return {
    services: [
      ...ownRedis(topology) ? [redis()] : [],
      ...topology.rabbitmq ? [rabbitmq()] : [],
      ...databases.servers,
    ],
    environment: {
      ...ownRedis(topology) && { NUXT_SCALE_REDIS_URL: 'redis://redis:6379' },
      ...topology.rabbitmq && { NUXT_SCALE_RABBITMQ_URL: `amqp://app:${PASSWORDS.rabbitmq}@rabbitmq:5672` },
      ...databases.environment,
      NUXT_SCALE_SECRET: '${NUXT_SCALE_SECRET:?write NUXT_SCALE_SECRET into .env}',
    },
    configs: databases.configs,
  }
}

/** Whether Compose starts a Redis. If the options contain an address, the app uses that Redis. */
function ownRedis({ redis }: Topology): boolean {
  return redis !== undefined && !redis.addressed
}

function redis(): BackingService {
  return {
    name: 'redis',
    volume: '/data',
    service: {
      image: 'redis:7-alpine',
      // Evict only keys with an expiry time, the least recently used first.
      command: ['redis-server', '--appendonly', 'yes', '--maxmemory', '256mb', '--maxmemory-policy', 'volatile-lru'],
      healthcheck: checked('redis-cli', 'ping'),
    },
  }
}

function rabbitmq(): BackingService {
  return {
    name: 'rabbitmq',
    volume: '/var/lib/rabbitmq',
    service: {
      image: 'rabbitmq:4-alpine',
      // The names of the broker's files contain the host name, so it must not change.
      hostname: 'rabbitmq',
      environment: { RABBITMQ_DEFAULT_USER: 'app', RABBITMQ_DEFAULT_PASS: PASSWORDS.rabbitmq },
      healthcheck: checked('rabbitmq-diagnostics', '-q', 'check_port_connectivity'),
    },
  }
}

function databasesOf({ databases }: Topology) {
  const shared = databases.filter(({ ownServer }) => !ownServer)
  const own = databases.filter(({ ownServer }) => ownServer)
  const named = shared.map(database => ({ ...database, name: databaseNameOf(database.variable) }))
  const address = (host: string, name: string) => `postgresql://app:${PASSWORDS.postgres}@${host}:5432/${name}`
  return {
    servers: [
      ...named.length > 0 ? [postgres('postgres', named.length > 1 ? ['databases'] : [], named[0]!.name)] : [],
      ...own.map(({ variable }) => postgres(hostOf(variable), [], 'app')),
    ],
    environment: Object.fromEntries([
      ...named.map(({ variable, name }) => [variable, address('postgres', name)]),
      ...own.map(({ variable }) => [variable, address(hostOf(variable), 'app')]),
    ]) as Record<string, string>,
    configs: named.length > 1
      ? { databases: { content: `${named.slice(1).map(({ name }) => `CREATE DATABASE ${name};`).join('\n')}\n` } }
      : {} as Record<string, { content: string }>,
  }
}

/** Name of a database: the name of its variable without the prefix `DATABASE_URL`. */
function databaseNameOf(variable: string): string {
  return `app_${variable.toLowerCase()}`.replace(/^app_database_url(?=_|$)/, 'app')
}

function hostOf(variable: string): string {
  return `postgres-${variable.toLowerCase().replaceAll('_', '-')}`.replace(/^postgres-database-url-/, 'postgres-')
}

function postgres(name: string, configs: readonly string[], database: string): BackingService {
  return {
    name,
    volume: '/var/lib/postgresql/data',
    service: {
      image: 'postgres:17-alpine',
      environment: { POSTGRES_USER: 'app', POSTGRES_PASSWORD: PASSWORDS.postgres, POSTGRES_DB: database },
      ...configs.length > 0 && { configs: configs.map(source => ({ source, target: `/docker-entrypoint-initdb.d/${source}.sql` })) },
      // Over TCP: during its initialization, the image runs a temporary server that answers only on the socket.
      healthcheck: checked('pg_isready', '-q', '-h', '127.0.0.1', '-U', 'app', '-d', database),
    },
  }
}
