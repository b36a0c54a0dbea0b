import { requireBinary } from './binaries.ts'
import { startProcess } from './process.ts'
import type { StartProcessOptions } from './process.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'

/** A private server that stands in front of others, on 127.0.0.1. */
export interface FrontServer {
  /** Port it listens on. */
  readonly port: number
  /** Last lines of its output. */
  output: () => string[]
  /** Ends the server and deletes its folder. Safe to call twice. */
  stop: () => Promise<void>
}

/**
 * Starts a program in a temporary folder and waits until it accepts connections.
 *
 * @param port one that it listens on
 * @param prepare writes its files into the folder, and returns its arguments
 * @throws Error with its last output lines when it does not start
 */
export async function startFront(
  program: string, port: number, prepare: (folder: string) => Pick<StartProcessOptions, 'args' | 'env' | 'readyTimeout'>,
): Promise<FrontServer> {
  const directory = createTemporaryDirectory(program)
  try {
    const server = await startProcess({ ...prepare(directory.path), command: requireBinary(program), name: `${program} on port ${port}`, ready: { port, host: '127.0.0.1' } })
    return {
      port,
      output: server.output,
      async stop() {
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
