import { execFile } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { productionEnvironment } from '../../test/support/environment.ts'
import { startNginxWith } from '../../test/support/nginx.ts'
import { startOrigin } from '../../test/support/origin.ts'
import { freePort } from '../../test/support/ports.ts'
import { createTemporaryDirectory } from '../../test/support/temporary-directory.ts'
import { interleave } from '../support/rounds.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)
/** Milliseconds that the app takes for a page. */
const RENDERING = 300
const AT_ONCE = 20
const PLACE = '/var/cache/slow-pages'

/** What readers of a page that may not be cached wait for, behind a cache that could make them wait for each other. */
export const measure: Measure = {
  title: `a page of ${RENDERING} ms that may not be cached, through the cache of nginx, ${AT_ONCE} readers at once`,
  rounds: 8,
  async run({ rounds, progress, defer }) {
    progress('starting nginx')
    const origin = await startOrigin((_, response) => void sleep(RENDERING).then(() => response.writeHead(200, { 'cache-control': 'private, no-store' }).end('a page')))
    defer(origin.close)
    const port = await freePort()
    const servers = [{ host: '127.0.0.1', port: origin.port }]
    // The folder of the cache is known when nginx has one.
    const text = await generate({ listen: { http: port, ipv6: false }, servers, cache: { path: PLACE } })
    const ours = await startNginxWith(port, folder => text.replaceAll(PLACE, folder('cache')))
    defer(ours.stop)
    const lockedPort = await freePort()
    const locked = await startNginxWith(lockedPort, folder => `
      proxy_cache_path ${folder('cache')} keys_zone=pages:10m use_temp_path=off;
      server {
        listen 127.0.0.1:${lockedPort};
        location / { proxy_pass http://127.0.0.1:${origin.port}; proxy_cache pages; proxy_cache_lock on; }
      }`)
    defer(locked.stop)
    const results = await interleave({
      'one reader': () => read(port, 1),
      [`${AT_ONCE} readers, generated file`]: () => read(port, AT_ONCE),
      [`${AT_ONCE} readers, proxy_cache_lock on every page`]: () => read(lockedPort, AT_ONCE),
    }, rounds, progress)
    const many = results[`${AT_ONCE} readers, generated file`]!
    return {
      figures: Object.entries(results).map(([name, values]) => ({ name: `${name}: wait, p50`, value: median(values), unit: 'ms' })),
      checks: [check(`${AT_ONCE} readers / one reader`, medianRatio(many, results['one reader']!), 'at most', 1.5)],
      notes: ['The file is what npx nuxt-scale nginx prints with scale.deploy.cache. Guides often lock every page, so that of readers of one page that is never stored all but one wait.'],
    }
  },
}

/** Half of the readers wait less long, in milliseconds. */
async function read(port: number, readers: number): Promise<number> {
  const waits = await Promise.all(Array.from({ length: readers }, async () => {
    const start = performance.now()
    const response = await fetch(`http://127.0.0.1:${port}/`)
    await response.text()
    if (response.status !== 200) throw new Error(`A page was answered with ${response.status}.`)
    return performance.now() - start
  }))
  return median(waits)
}

/** `npx nuxt-scale nginx` of an app with these options. */
async function generate(deploy: object): Promise<string> {
  const directory = createTemporaryDirectory('bench-app')
  try {
    writeFileSync(join(directory.path, 'nuxt.config.ts'), `export default { scale: { deploy: ${JSON.stringify(deploy)} } }\n`)
    symlinkSync(join(repository, 'node_modules'), join(directory.path, 'node_modules'))
    return (await run(process.execPath, [join(repository, 'dist/cli.mjs'), 'nginx', '--cwd', directory.path], { env: productionEnvironment() })).stdout
  }
  finally {
    directory.remove()
  }
}
