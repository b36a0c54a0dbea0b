import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FrontServer } from './front.ts'
import { startFront } from './front.ts'

const args = {
  haproxy: (file: string) => ['-db', '-f', file],
  caddy: (file: string) => ['run', '--adapter', 'caddyfile', '--config', file],
}

/**
 * Starts HAProxy or Caddy with a file of one's own and waits until it listens.
 *
 * @param port one that the file listens on
 */
export function startBalancer(program: keyof typeof args, text: string, port: number): Promise<FrontServer> {
  return startFront(program, port, (folder) => {
    const file = join(folder, 'configuration')
    // Caddy's own port is the same for all who run it.
    writeFileSync(file, program === 'caddy' ? text.replace('{\n', '{\n\tadmin off\n') : text)
    return { args: args[program](file), env: { PATH: process.env.PATH, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder } }
  })
}
