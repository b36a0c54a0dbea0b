import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './ports.ts'
import type { FrontServer } from './front.ts'
import { startFront } from './front.ts'

/**
 * Starts Varnish in a temporary folder and waits until it accepts connections.
 * @param vcl its whole configuration
 * @throws Error with its last output lines when it does not start
 */
export async function startVarnish(vcl: string): Promise<FrontServer> {
  const port = await freePort()
  return startFront('varnishd', port, (folder) => {
    const configuration = join(folder, 'app.vcl')
    writeFileSync(configuration, vcl)
    return {
      // Its jail would become another user, who may not read the folder; it compiles the configuration first, which takes a while.
      args: ['-F', '-j', 'none', '-n', join(folder, 'work'), '-a', `127.0.0.1:${port}`, '-f', configuration, '-s', 'malloc,64m', '-p', 'thread_pool_min=10'],
      readyTimeout: 60_000,
    }
  })
}
