import { createHash, timingSafeEqual } from 'node:crypto'
import { hostname } from 'node:os'
import type { H3Event } from 'h3'
import { getRequestHeader, setResponseHeader, setResponseStatus } from '../nitro'
import { healthService } from './service'
import type { ProbeAnswer } from './probes'
import type { HealthSettings } from './settings'

/**
 * Sends the response of a probe. It contains details only if the caller may see them.
 *
 * @param withSystem adds memory, uptime, Node version, host name and event loop lag to the details
 */
export function answerProbe(event: H3Event, { code, status, timestamp, checks }: ProbeAnswer, withSystem = false): string {
  const { settings, lag } = healthService.use()()
  setResponseStatus(event, code)
  setResponseHeader(event, 'cache-control', 'no-store')
  setResponseHeader(event, 'content-type', 'application/health+json')
  if (!maySeeDetails(settings, getRequestHeader(event, 'authorization'))) return JSON.stringify({ status, timestamp })
  const systemInfo = withSystem
    ? { memory: process.memoryUsage(), uptime: process.uptime(), nodeVersion: process.version, hostname: hostname(), eventLoopLag: lag() }
    : undefined
  return JSON.stringify({ status, timestamp, checks, systemInfo })
}

function maySeeDetails({ details, token }: HealthSettings, authorization: string | undefined): boolean {
  if (details === 'always') return true
  if (details === 'never' || token === '') return false
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${token}`))
}
