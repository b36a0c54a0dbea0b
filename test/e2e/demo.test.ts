import { randomUUID } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { startProcess } from '../support/process'
import { waitFor } from '../support/wait'

/** Processes of this machine that were started with a mark in their environment. */
function marked(mark: string): string[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')] : []
    }
    catch {
      // It ended meanwhile.
      return []
    }
  })
}

it('the demo loses no read when an instance is killed, and leaves nothing behind', async () => {
  const mark = `DEMO_MARK=${randomUUID()}`
  const demo = await startProcess({
    command: process.execPath,
    args: ['demo/run.ts', '--rate', '20', '--kill', 'web', '--json'],
    env: { ...process.env, DEMO_MARK: mark.split('=')[1] },
    name: 'the demo',
  })
  await waitFor(() => demo.output().some(line => line.startsWith('The shop is at')), { timeout: 180_000 })
  expect(marked(mark).length).toBeGreaterThan(8)
  // Killed after five seconds, and back five later.
  await waitFor(() => demo.output().some(line => line.includes('away: web 1')), { timeout: 60_000 })
  await waitFor(() => !demo.output().at(-1)!.includes('away'), { timeout: 60_000 })
  demo.kill('SIGINT')
  expect(await demo.exited).toEqual({ code: 0, signal: null })
  const lines = demo.output()
  const result = JSON.parse(lines.slice(lines.indexOf('{'), lines.indexOf('}') + 1).join('\n')) as { reads: number, failedReads: number, orders: number, hits: number }
  expect(result).toMatchObject({ failedReads: 0 })
  expect(result.reads).toBeGreaterThan(100)
  expect(result.hits).toBeGreaterThan(0)
  expect(result.orders).toBeGreaterThan(0)
  expect(marked(mark)).toEqual([])
}, 300_000)
