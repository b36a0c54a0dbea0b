import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireBinary } from './binaries.ts'
import type { FrontServer } from './front.ts'
import { startFront } from './front.ts'
import { freePort } from './ports.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'

/**
 * Starts nginx in a temporary folder and waits until it accepts connections.
 * @param locations what stands in its one `server` block; the cache zone `pages` is there for `proxy_cache`
 * @param around what stands beside that block, such as an `upstream`
 * @throws Error with its last log lines when it does not start
 */
export async function startNginx(locations: string, around = ''): Promise<FrontServer> {
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
export function startNginxWith(port: number, http: (folder: MakeFolder) => string, workers = 1): Promise<FrontServer> {
  return startFront('nginx', port, folder => ({ args: ['-p', folder, '-e', 'stderr', '-c', writeConfiguration(folder, http, workers)] }))
}

/** Lets nginx read an `http` block (`nginx -t`). */
export function testNginx(http: (folder: MakeFolder) => string): { accepted: boolean, messages: string[] } {
  const directory = createTemporaryDirectory('nginx-test')
  try {
    const configuration = writeConfiguration(directory.path, http, 1)
    const { status, stderr } = spawnSync(requireBinary('nginx'), ['-t', '-q', '-p', directory.path, '-e', 'stderr', '-c', configuration], { encoding: 'utf8', timeout: 10_000 })
    return { accepted: status === 0, messages: stderr.split('\n').filter(Boolean) }
  }
  finally {
    directory.remove()
  }
}

function writeConfiguration(root: string, http: (folder: MakeFolder) => string, workers: number): string {
  const folder: MakeFolder = (name) => {
    mkdirSync(join(root, name), { recursive: true })
    return join(root, name)
  }
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${folder(name)};`).join('\n  ')
  const configuration = join(root, 'nginx.conf')
  writeFileSync(configuration, `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes ${workers};
pid ${join(root, 'nginx.pid')};
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
