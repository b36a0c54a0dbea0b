import type { NuxtInstance } from '../../test/support/nuxt.ts'
import type { AppVariant } from './apps.ts'
import { buildApp, startApp } from './apps.ts'
import { loadHttp } from './http-load.ts'
import type { Contender } from './rounds.ts'
import { interleave } from './rounds.ts'
import type { MeasureContext } from './types.ts'

const CONNECTIONS = 50
const SECONDS = 2
/** A process of V8 is as fast as what it has learnt in its first seconds, which makes a difference of up to a tenth between two starts of one app. */
const STARTS = 12

/** What one app did with one kind of request, a number a round. */
export interface Rounds {
  /** Requests a second. */
  rates: number[]
  /** Microseconds of processor time a request. */
  times: number[]
}

/** What is compared: apps, by the name of each, and kinds of requests, by their headers. */
export interface SideBySide {
  apps: Record<string, AppVariant>
  requests: Record<string, Record<string, string>>
  /** Route that is loaded. @default '/api/hello' */
  path?: string
  /** Other routes, by the name of the app. */
  paths?: Record<string, string>
  /** @throws Error when an app does not answer as it should */
  verify: (instance: NuxtInstance, variant: AppVariant) => Promise<void>
}

/**
 * Loads one route of each app with each kind of request, in turn.
 *
 * @param context.rounds of each start
 * @returns the rounds of each app and kind of request, by `nameOf`
 */
export async function compareApps({ apps, requests, path = '/api/hello', paths = {}, verify }: SideBySide, { rounds, progress, defer }: MeasureContext): Promise<Record<string, Rounds>> {
  const outputs = new Map<string, string>()
  for (const [name, variant] of Object.entries(apps)) {
    progress(`building the app: ${name}`)
    outputs.set(name, await buildApp(variant))
  }
  const all: Record<string, Rounds> = {}
  for (let start = 1; start <= STARTS; start++) {
    const contenders: Record<string, Contender> = {}
    const instances: NuxtInstance[] = []
    for (const [name, variant] of Object.entries(apps)) {
      const instance = await startApp(outputs.get(name)!)
      instances.push(instance)
      defer(() => instance.stop())
      await verify(instance, variant)
      for (const [request, headers] of Object.entries(requests)) {
        const { times } = all[nameOf(name, request)] ??= { rates: [], times: [] }
        let warm = false
        contenders[nameOf(name, request)] = async () => {
          const { requestsPerSecond, processorTime } = await loadHttp(`${instance.url}${paths[name] ?? path}`, instance.pid, { headers, connections: CONNECTIONS, seconds: SECONDS })
          if (warm) times.push(processorTime)
          warm = true
          return requestsPerSecond
        }
      }
    }
    const results = await interleave(contenders, rounds, text => progress(`start ${start} of ${STARTS}, ${text}`))
    for (const [name, rates] of Object.entries(results)) all[name]!.rates.push(...rates)
    await Promise.all(instances.map(instance => instance.stop()))
  }
  return all
}

/** The name of an app with one kind of request. */
export function nameOf(app: string, request: string): string {
  return request === '' ? app : `${app}, ${request}`
}
