import type { Redis } from 'ioredis'
import type { CacheModuleOptions } from '../../src/runtime/server/cache/settings'
import { startCacheProcess, startEmbeddedCache } from './cache'
import type { ModelProcess, ModelServers } from './cache-model'
import type { Fault } from './cache-model-schedule'
import { keysWithoutExpiry } from './redis'
import type { RedisServer } from './redis'
import { startTcpProxy } from './tcp-proxy'
import type { ProxyConnection, TcpProxy } from './tcp-proxy'

const MARKERS = new Set(['uncacheable', 'failed', null])
const isSubscriber = ({ sent }: ProxyConnection) => /subscribe/i.test(sent)
const isCommands = (connection: ProxyConnection) => !isSubscriber(connection)

/** The scope of the call that is made next, as a request's tenant would be. */
function scopeHolder(): { scope: () => string, enter: (scope: string) => void } {
  let current = ''
  return { scope: () => current, enter: scope => void (current = scope) }
}

/** A process on one Redis, with a proxy before it that can fail. */
export async function startModelProcess(redis: RedisServer, commandTimeout: string, cache?: CacheModuleOptions): Promise<ModelProcess> {
  const proxy = await startTcpProxy(redis.port)
  const { scope, enter } = scopeHolder()
  const started = await startCacheProcess({ redis: { host: '127.0.0.1', port: proxy.port, commandTimeout }, cache, scope })
  return {
    engine: started.engine,
    enter,
    get available() {
      return started.connection.available
    },
    disturb: fault => disturb(proxy, fault),
    async close() {
      await started.close()
      proxy.close()
    },
  }
}

function disturb(proxy: TcpProxy, { fault }: Fault): (() => void | Promise<void>) | undefined {
  switch (fault) {
    case 'cut subscriber':
      proxy.cut(isSubscriber)
      return
    case 'cut commands':
      proxy.cut(isCommands)
      return
    case 'cut all':
      proxy.cut()
      return
    case 'delay subscriber':
      proxy.freeze({ only: isSubscriber })
      return () => proxy.thaw()
    case 'freeze commands':
      proxy.freeze({ only: isCommands })
      return () => proxy.thaw()
    case 'half-open subscriber':
      proxy.freeze({ only: isSubscriber, discard: true })
      return () => endHalfOpen(proxy)
    case 'half-open':
      proxy.freeze({ discard: true })
      return () => endHalfOpen(proxy)
    case 'refuse':
      proxy.refuse()
      proxy.cut()
      return () => proxy.accept()
  }
}

/** TCP loses nothing in the middle: a connection that lost bytes ends with an error. */
function endHalfOpen(proxy: TcpProxy): void {
  proxy.cut(({ frozen }) => frozen)
  proxy.thaw()
}

/** The one process of the embedded cache. */
export function startEmbeddedModelProcess(): ModelProcess {
  const { scope, enter } = scopeHolder()
  const engine = startEmbeddedCache(undefined, { scope })
  return { engine, enter, available: true, close: () => engine.close() }
}

/** A process on a Cluster. */
export async function startClusterModelProcess(nodes: { host: string, port: number }[], commandTimeout: string): Promise<ModelProcess> {
  const { scope, enter } = scopeHolder()
  const started = await startCacheProcess({ redis: { cluster: nodes, commandTimeout }, scope })
  return {
    engine: started.engine,
    enter,
    get available() {
      return started.connection.available
    },
    close: () => started.close(),
  }
}

/** The faults and the sights of one or several servers. */
export function modelServers(servers: RedisServer[]): ModelServers {
  const controls = servers.map(server => server.client())
  const onAll = <T>(ask: (control: Redis, index: number) => Promise<T>) => Promise.all(controls.map(ask))
  return {
    ping: () => onAll(control => control.ping()),
    // On a Cluster all but the owner answer MOVED.
    evict: key => onAll(control => control.unlink(key).catch(() => 0)),
    async disturb(fault) {
      switch (fault.fault) {
        case 'flush':
          await onAll(control => control.flushall().catch(() => 'away'))
          break
        case 'pause':
          await onAll(control => control.call('CLIENT', 'PAUSE', fault.lasting, 'ALL').catch(() => 'away'))
          break
        case 'sleep':
          await onAll(control => control.call('DEBUG', 'SLEEP', fault.lasting / 1000).catch(() => 'away'))
          break
        case 'restart':
          await Promise.all(servers.map(server => server.restart()))
          break
        case 'cut all subscribers':
          await onAll(control => control.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))
          break
      }
    },
    async heldLeases() {
      const found = await onAll(async (control) => {
        const keys = await control.keys('scale:lease:*')
        const holders = await Promise.all(keys.map(key => control.get(key)))
        return keys.filter((_, index) => !MARKERS.has(holders[index]!))
      })
      return found.flat()
    },
    keysWithoutExpiry: async () => (await Promise.all(servers.map(server => keysWithoutExpiry(server)))).flat(),
  }
}
