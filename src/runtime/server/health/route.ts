import { createHash, timingSafeEqual } from 'node:crypto'
import { hostname } from 'node:os'
import { defineEventHandler, getRequestHeader, setResponseHeader, setResponseStatus, useRuntimeConfig } from '../nitro'
import { currentRabbit } from '../rabbitmq/current'
import { currentRedisConnection } from '../redis/current'
import type { HealthCheck, HealthReport } from './check'
import { createHealth } from './check'
import type { HealthModuleOptions, HealthSettings } from './settings'
import { resolveHealthSettings } from './settings'

let health: (() => Promise<HealthReport>) | undefined
let settings: HealthSettings | undefined

/** `GET /api/health`: 200 when this instance can serve, 503 when a dependency that is configured does not answer. */
export default defineEventHandler(async (event) => {
  settings ??= resolveHealthSettings(useRuntimeConfig().scale.health as HealthModuleOptions)
  health ??= createHealth(configuredChecks(settings.timeout), settings)
  const { status, timestamp, checks } = await health()
  setResponseStatus(event, status === 'ok' ? 200 : 503)
  setResponseHeader(event, 'cache-control', 'no-store')
  if (!maySeeDetails(settings, getRequestHeader(event, 'authorization'))) return { status, timestamp }
  return {
    status,
    timestamp,
    checks,
    systemInfo: { memory: process.memoryUsage(), uptime: process.uptime(), nodeVersion: process.version, hostname: hostname() },
  }
})

function configuredChecks(timeout: number): HealthCheck[] {
  const redis = currentRedisConnection()
  const rabbit = currentRabbit()
  return [
    ...redis ? [{ name: 'redis', run: () => redis.run(() => Promise.all(redis.masters().map(master => master.ping())), timeout) }] : [],
    ...rabbit?.remote ? [{ name: 'rabbitmq', run: () => rabbit.check(timeout) }] : [],
  ]
}

function maySeeDetails({ details, token }: HealthSettings, authorization: string | undefined): boolean {
  if (details === 'always') return true
  if (details === 'never' || token === '') return false
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${token}`))
}
