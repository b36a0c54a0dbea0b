import { hostname } from 'node:os'
import type { H3Event } from 'h3'
import { matchesToken } from '../core/secret'
import { defineEventHandler, getRequestHeader, setResponseHeader, setResponseStatus } from '../nitro'
import { healthService } from './probes'
import type { ProbeAnswer } from './probes'
import type { HealthSettings } from './settings'

/**
 * `GET /api/health` and its probes `/live`, `/ready` and `/startup`. One file answers all of them, so that Nitro knows the types of
 * the routes.
 */
export default defineEventHandler(async (event) => {
  const { probes, settings } = healthService.use()()
  const end = endOfRoute(event.context.matchedRoute?.path ?? '', settings.path)
  const probe = end === '/live' ? 'live' : end === '/startup' ? 'startup' : 'ready'
  return answerProbe(event, await probes[probe](), end === '')
})

/** The build decides the path. A variable that changes the option where the server starts must not turn liveness into readiness. */
function endOfRoute(route: string, path: string): string {
  return route.startsWith(path) ? route.slice(path.length) : route.slice(route.lastIndexOf('/'))
}

/**
 * Sends the response of a probe. It contains details only if the caller may see them.
 *
 * @param withSystem adds memory, uptime, Node version, host name and event loop lag to the details
 */
function answerProbe(event: H3Event, { code, status, timestamp, checks }: ProbeAnswer, withSystem: boolean): string {
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
  return matchesToken(authorization, token)
}
