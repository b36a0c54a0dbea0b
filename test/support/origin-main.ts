/** A server of its own process, which can be killed. It answers with as many bytes as the path says. Prints `ready`. */
import { createServer } from 'node:http'

const [, , port] = process.argv
const server = createServer((request, response) => {
  const bytes = Number(/\d+/.exec(request.url ?? '')?.[0] ?? 0)
  // A few milliseconds of work, so that requests are under way when the process dies.
  setTimeout(() => response.end(Buffer.alloc(bytes, 'x')), bytes % 7)
})
server.keepAliveTimeout = 65_000
server.listen(Number(port), '127.0.0.1', () => console.log('ready'))
