import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireBinary } from './binaries.ts'
import { freePort } from './ports.ts'
import { startProcess } from './process.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'

/** A private Varnish on 127.0.0.1. */
export interface VarnishServer {
  /** Port it listens on. */
  readonly port: number
  /** Ends the server and deletes its folder. Safe to call twice. */
  stop: () => Promise<void>
}

/**
 * Starts Varnish in a temporary folder and waits until it accepts connections.
 * @param vcl its whole configuration
 * @throws Error with its last output lines when it does not start
 */
export async function startVarnish(vcl: string): Promise<VarnishServer> {
  const port = await freePort()
  const directory = createTemporaryDirectory('varnish')
  const configuration = join(directory.path, 'app.vcl')
  writeFileSync(configuration, vcl)
  try {
    const server = await startProcess({
      command: requireBinary('varnishd'),
      // Its jail would become another user, who may not read the folder; it compiles the configuration first, which takes a while.
      args: ['-F', '-j', 'none', '-n', join(directory.path, 'work'), '-a', `127.0.0.1:${port}`, '-f', configuration, '-s', 'malloc,64m', '-p', 'thread_pool_min=10'],
      name: `varnishd on port ${port}`,
      ready: { port, host: '127.0.0.1' },
      readyTimeout: 60_000,
    })
    return {
      port,
      stop: async () => {
        await server.stop()
        directory.remove()
      },
    }
  }
  catch (error) {
    directory.remove()
    throw error
  }
}
