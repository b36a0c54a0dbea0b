import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireBinary } from './binaries.ts'
import { freePort } from './ports.ts'
import { startProcess } from './process.ts'
import type { TemporaryDirectory } from './temporary-directory.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'

/** A private nginx on 127.0.0.1. */
export interface NginxServer {
  /** Port it listens on. */
  readonly port: number
  /** Last lines of its error log. */
  output: () => string[]
  /** Ends the server and deletes its folder. Safe to call twice. */
  stop: () => Promise<void>
}

/**
 * Starts nginx in a temporary folder and waits until it accepts connections.
 * @param locations what stands in its one `server` block; the cache zone `pages` is there for `proxy_cache`
 * @param around what stands beside that block, such as an `upstream`
 * @throws Error with its last log lines when it does not start
 */
export async function startNginx(locations: string, around = ''): Promise<NginxServer> {
  const port = await freePort()
  return startNginxWith(port, folder => `
  proxy_cache_path ${folder('cache')} keys_zone=pages:10m use_temp_path=off;
  ${around}
  server {
    listen 127.0.0.1:${port};
    ${locations}
  }`)
}

/** Makes a folder that lives as long as the server, and returns its path. */
type MakeFolder = (name: string) => string

/**
 * Starts nginx with an `http` block of one's own.
 * @param port one that the block listens on
 * @param workers its processes
 * @throws Error with its last log lines when it does not start
 */
export async function startNginxWith(port: number, http: (folder: MakeFolder) => string, workers = 1): Promise<NginxServer> {
  const directory = createTemporaryDirectory('nginx')
  try {
    const configuration = writeConfiguration(directory, http, workers)
    const server = await startProcess({
      command: requireBinary('nginx'),
      args: ['-p', directory.path, '-e', 'stderr', '-c', configuration],
      name: `nginx on port ${port}`,
      ready: { port, host: '127.0.0.1' },
    })
    return {
      port,
      output: server.output,
      stop: async () => {
        // It ends at once, with its workers.
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

/** Lets nginx read an `http` block (`nginx -t`). */
export function testNginx(http: (folder: MakeFolder) => string): { accepted: boolean, messages: string[] } {
  const directory = createTemporaryDirectory('nginx-test')
  try {
    const configuration = writeConfiguration(directory, http, 1)
    const { status, stderr } = spawnSync(requireBinary('nginx'), ['-t', '-q', '-p', directory.path, '-e', 'stderr', '-c', configuration], { encoding: 'utf8', timeout: 10_000 })
    return { accepted: status === 0, messages: stderr.split('\n').filter(Boolean) }
  }
  finally {
    directory.remove()
  }
}

function writeConfiguration(directory: TemporaryDirectory, http: (folder: MakeFolder) => string, workers: number): string {
  const folder: MakeFolder = (name) => {
    mkdirSync(join(directory.path, name), { recursive: true })
    return join(directory.path, name)
  }
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${folder(name)};`).join('\n  ')
  const configuration = join(directory.path, 'nginx.conf')
  writeFileSync(configuration, `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes ${workers};
pid ${join(directory.path, 'nginx.pid')};
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  ${temporary}
  ${http(folder)}
}
`)
  return configuration
}
