import { readFileSync, readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { startProcess } from '../support/process'
import { waitFor } from '../support/wait'

/** The processes that come from another one, by their ids, with what they run. */
function descendants(parent: number): Map<string, string> {
  const processes = readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return [{ pid, parent: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]!, command: commandOf(pid) }]
    }
    catch {
      // It ended meanwhile.
      return []
    }
  })
  const found = new Map<string, string>()
  const add = (above: string) => {
    for (const { pid, command } of processes.filter(({ parent }) => parent === above)) {
      found.set(pid, command)
      add(pid)
    }
  }
  add(String(parent))
  return found
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  }
  catch {
    return ''
  }
}

it('the demo loses no read when an instance is killed, and leaves nothing behind', async () => {
  const demo = await startProcess({
    command: process.execPath,
    args: ['demo/run.ts', '--rate', '20', '--kill', 'web', '--json'],
    name: 'the demo',
  })
  await waitFor(() => demo.output().some(line => line.startsWith('The shop is at')), { timeout: 180_000 })
  const all = descendants(demo.pid)
  // Three instances, a worker, nginx, Redis, PostgreSQL and RabbitMQ, each with helpers of its own.
  expect(all.size).toBeGreaterThan(8)
  // Killed after five seconds, and back five later.
  await waitFor(() => demo.output().some(line => line.includes('down: web 1')), { timeout: 60_000 })
  await waitFor(() => !demo.output().at(-1)!.includes('down'), { timeout: 60_000 })
  demo.kill('SIGINT')
  expect(await demo.exited).toEqual({ code: 0, signal: null })
  const lines = demo.output()
  const result = JSON.parse(lines.slice(lines.indexOf('{'), lines.indexOf('}') + 1).join('\n')) as { reads: number, failedReads: number, orders: number, hits: number }
  expect(result).toMatchObject({ failedReads: 0 })
  expect(result.reads).toBeGreaterThan(100)
  expect(result.hits).toBeGreaterThan(0)
  expect(result.orders).toBeGreaterThan(0)
  expect([...all].filter(([pid, command]) => command !== '' && commandOf(pid) === command)).toEqual([])
}, 300_000)
