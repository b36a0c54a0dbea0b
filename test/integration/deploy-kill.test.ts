import { afterEach, expect, it } from 'vitest'
import { fileURLToPath } from 'node:url'
import { createClient } from '../support/http-client'
import { freePort } from '../support/ports'
import { startProcess } from '../support/process'
import { startGeneratedNginx } from '../support/topology'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

it('an instance that is killed under load costs no GET: the next server answers', async () => {
  const main = fileURLToPath(new URL('../support/origin-main.ts', import.meta.url))
  const ports = [await freePort(), await freePort(), await freePort()]
  const instances = await Promise.all(ports.map(port => startProcess({ command: process.execPath, args: [main, String(port)], ready: { line: /^ready$/ } })))
  cleanups.push(() => Promise.all(instances.map(instance => instance.kill())))
  const nginx = await startGeneratedNginx(ports)
  cleanups.push(() => nginx.stop())
  const client = createClient(nginx.port)
  cleanups.push(() => client.close())

  const failures: string[] = []
  const total = 3000
  let asked = 0
  let killed: Promise<unknown> | undefined
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (asked < total) {
      const bytes = asked++ * 37 % 16_384
      if (asked === 1000) killed = instances[0]!.kill('SIGKILL')
      const answer = await client.request(`/${bytes}`).catch((error: Error) => ({ status: 0, body: error.message }))
      if (answer.status !== 200 || answer.body.length !== bytes) failures.push(`${answer.status}: ${answer.body.length} of ${bytes} bytes`)
    }
  }))
  await killed
  expect(failures).toEqual([])
  expect(asked).toBeGreaterThanOrEqual(total)
  expect(instances.map(({ running }) => running)).toEqual([false, true, true])
})
