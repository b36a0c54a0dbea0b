import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireBinary } from './binaries.ts'
import { startProcess } from './process.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'

const args = {
  haproxy: (file: string) => ['-db', '-f', file],
  caddy: (file: string) => ['run', '--adapter', 'caddyfile', '--config', file],
}

/**
 * Starts HAProxy or Caddy with a file of one's own and waits until it listens.
 *
 * @param port one that the file listens on
 */
export async function startBalancer(program: keyof typeof args, text: string, port: number): Promise<{ stop: () => Promise<void> }> {
  const directory = createTemporaryDirectory(program)
  const file = join(directory.path, 'configuration')
  // Caddy's own port is the same for all who run it.
  writeFileSync(file, program === 'caddy' ? text.replace('{\n', '{\n\tadmin off\n') : text)
  const server = await startProcess({
    command: requireBinary(program),
    args: args[program](file),
    env: { PATH: process.env.PATH, HOME: directory.path, XDG_DATA_HOME: directory.path, XDG_CONFIG_HOME: directory.path },
    name: `${program} on port ${port}`,
    ready: { port },
  })
  return {
    stop: async () => {
      await server.kill()
      directory.remove()
    },
  }
}
