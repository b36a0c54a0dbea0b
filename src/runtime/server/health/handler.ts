import { hostname } from 'node:os'
import type { EventHandler, H3Event } from 'h3'
import { matchesToken } from '../core/secret'
import { defineEventHandler, getRequestHeader, setResponseHeader, setResponseStatus } from '../nitro'
import { healthService } from './probes'
import type { ProbeAnswer, Probes } from './probes'
import type { HealthSettings } from './settings'

/**
 * Creates the handler of a probe. `src/build/health.ts` creates one module for each route.
 *
 * @param probe the probe that the route runs
 * @param withSystem adds memory, uptime, Node version, host name and event loop lag to the details. @default false
 */
export function createHealthHandler(probe: keyof Probes, withSystem = false): EventHandler {
  return defineEventHandler(async event => answerProbe(event, await healthService.use()().probes[probe](), withSystem))
}

/** Sends the response of a probe. It contains details only if the caller may see them. */
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
