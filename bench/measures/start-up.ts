import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { startRedis } from '../../test/support/redis.ts'
import type { AppVariant } from '../support/apps.ts'
import { buildApp, startApp } from '../support/apps.ts'
import type { Contender } from '../support/rounds.ts'
import { interleave } from '../support/rounds.ts'
import { median } from '../support/statistics.ts'
import type { Figure, Measure } from '../support/types.ts'

const variants = { scale: 'with nuxt-scale', memory: 'without' } as const satisfies Partial<Record<AppVariant, string>>

/** What the module adds to a built app: bytes, and time to the first answer. */
export const measure: Measure = {
  title: 'size of the server and time from start to the first answer',
  rounds: 10,
  async run({ rounds, progress, defer }) {
    const server = await startRedis()
    defer(() => server.stop())
    const figures: Figure[] = []
    const contenders: Record<string, Contender> = {}
    for (const [variant, name] of Object.entries(variants) as [AppVariant, string][]) {
      progress(`building the app ${name}`)
      const output = await buildApp(variant)
      figures.push({ name: `.output/server ${name}`, value: await folderSize(join(output, 'server')) / 1000, unit: 'kB' })
      contenders[name] = async () => {
        const start = performance.now()
        const instance = await startApp(output, server.url)
        await (await instance.fetch('/api/handler')).arrayBuffer()
        const time = performance.now() - start
        await instance.stop()
        return time
      }
    }
    const results = await interleave(contenders, rounds, progress)
    for (const [name, values] of Object.entries(results)) figures.push({ name: `first answer, ${name}`, value: median(values), unit: 'ms' })
    return { figures, checks: [], notes: [] }
  },
}

async function folderSize(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const sizes = await Promise.all(entries.filter(entry => entry.isFile()).map(async entry => (await stat(join(entry.parentPath, entry.name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}
