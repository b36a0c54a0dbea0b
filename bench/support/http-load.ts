import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { requireBinary } from '../../test/support/binaries.ts'
import { processorSeconds } from './processor.ts'

const run = promisify(execFile)

/** How a server is loaded. */
export interface LoadOptions {
  headers?: Record<string, string>
  connections: number
  seconds: number
}

/** What a server did under load. */
export interface Load {
  requestsPerSecond: number
  /** Microseconds of processor time a request; NaN where the system does not tell. */
  processorTime: number
}

/**
 * Loads a server by wrk, which takes so little of the second processor that the server is what is measured.
 *
 * @param pid of the server
 * @throws Error when a request fails
 */
export async function loadHttp(url: string, pid: number, { headers = {}, connections, seconds }: LoadOptions): Promise<Load> {
  const before = await processorSeconds(pid)
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const { stdout } = await run(requireBinary('wrk'), ['-t1', `-c${connections}`, `-d${seconds}s`, ...fields, url])
  const failure = /^ *(?:Non-2xx|Socket errors).*$/m.exec(stdout)?.[0]
  const [, total, duration] = /(\d+) requests in ([\d.]+)s/.exec(stdout) ?? []
  if (failure !== undefined || total === undefined || total === '0') throw new Error(`Requests to ${url} failed: ${failure?.trim() ?? stdout}`)
  return {
    requestsPerSecond: Number(total) / Number(duration),
    processorTime: (await processorSeconds(pid) - before) / Number(total) * 1e6,
  }
}
