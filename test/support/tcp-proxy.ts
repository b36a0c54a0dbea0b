import { createServer, connect } from 'node:net'
import type { Server, Socket } from 'node:net'
import { freePort } from './ports.ts'

const keptClientBytes = 4096

/** What a proxy is started with. */
export interface TcpProxyOptions {
  /** Port to listen on. Default: a free one. */
  port?: number
  /** Host of the target. Default `127.0.0.1`. */
  targetHost?: string
  /** Most bytes held for one direction of one connection; beyond it the sender is slowed down. Default 1 MiB. */
  bufferLimit?: number
}

/** Picks connections, by what their client sent first for instance. */
type ConnectionPredicate = (connection: ProxyConnection) => boolean

/** How a freeze behaves. */
interface FreezeOptions {
  /** Freezes only these connections; default all. It is asked again when a client sends something in its first 4 KiB, and for new connections. */
  only?: ConnectionPredicate
  /**
   * Throws away what arrives during the freeze, for good, as a network does that never delivers. Default
   * false: it is delivered after the thaw. With it a connection is of no use after the thaw, because its
   * protocol has a hole.
   */
  discard?: boolean
}

/** One client's connection through the proxy. */
export interface ProxyConnection {
  /** Number in order of arrival, from 1. */
  readonly id: number
  /** The first 4 KiB the client sent, as text. */
  readonly sent: string
  /** True while nothing is forwarded. */
  readonly frozen: boolean
  /** Destroys both of its sockets. */
  cut: () => void
  /** Stops forwarding in both directions while both sockets stay open. */
  freeze: (options?: { discard?: boolean }) => void
  /** Forwards again, what was held first. */
  thaw: () => void
}

/** A TCP proxy that can be made to fail in every way a network does. */
export interface TcpProxy {
  /** Port on 127.0.0.1 that clients connect to. */
  readonly port: number
  /** The connections open now. */
  readonly connections: ProxyConnection[]
  /** Number of connections accepted so far. */
  readonly accepted: number
  /** Destroys the sockets of all connections, or of those that `only` picks; returns how many. */
  cut: (only?: ConnectionPredicate) => number
  /** Stops listening: new connections are refused, those open stay. */
  refuse: () => void
  /** Listens again on the same port. */
  accept: () => Promise<void>
  /** Half-open connections: the sockets stay open and nothing is forwarded, not even their end. */
  freeze: (options?: FreezeOptions) => void
  /** Ends every freeze. */
  thaw: () => void
  /** Holds every byte back this many milliseconds in each direction; 0 ends it. */
  delay: (milliseconds: number) => void
  /** Stops listening and destroys all sockets. Safe to call twice. */
  close: () => void
}

type Item = { kind: 'data', bytes: Buffer, due: number } | { kind: 'end' | 'abort', due: number }

/** One direction of a connection: a bounded queue between two sockets. */
class Lane {
  private readonly queue: Item[] = []
  private held = 0
  private draining = false
  private timer: NodeJS.Timeout | undefined
  private frozen = false
  private discard = false
  private readonly from: Socket
  private readonly to: Socket
  private readonly limit: number
  private readonly delay: () => number

  constructor(from: Socket, to: Socket, limit: number, delay: () => number) {
    this.from = from
    this.to = to
    this.limit = limit
    this.delay = delay
    from.on('end', () => this.push({ kind: 'end', due: this.dueTime() }))
    from.on('error', () => this.push({ kind: 'abort', due: this.dueTime() }))
    to.on('drain', () => {
      this.draining = false
      this.pump()
    })
    to.on('close', () => this.clear())
  }

  pushBytes(bytes: Buffer): void {
    if (this.frozen && this.discard) {
      return
    }
    this.held += bytes.length
    this.push({ kind: 'data', bytes, due: this.dueTime() })
  }

  freeze(discard: boolean): void {
    this.frozen = true
    this.discard = discard
  }

  thaw(): void {
    this.frozen = false
    this.discard = false
    this.pump()
  }

  clear(): void {
    clearTimeout(this.timer)
    this.queue.length = 0
    this.held = 0
  }

  private dueTime(): number {
    return performance.now() + this.delay()
  }

  private push(item: Item): void {
    this.queue.push(item)
    this.pump()
  }

  private pump(): void {
    clearTimeout(this.timer)
    while (!this.frozen && !this.draining && this.queue[0]) {
      const wait = this.queue[0].due - performance.now()
      if (wait > 0) {
        this.timer = setTimeout(() => this.pump(), Math.ceil(wait))
        break
      }
      this.deliver(this.queue.shift()!)
    }
    if (this.held >= this.limit) {
      this.from.pause()
    }
    else if (this.from.isPaused()) {
      this.from.resume()
    }
  }

  private deliver(item: Item): void {
    if (item.kind === 'data') {
      this.held -= item.bytes.length
      this.draining = this.to.writable && !this.to.write(item.bytes)
    }
    else if (item.kind === 'end') {
      this.to.end()
    }
    else {
      this.to.destroy()
    }
  }
}

/** State of one connection: two sockets, a lane each way, and what its client sent first. */
class Connection implements ProxyConnection {
  readonly id: number
  frozen = false
  private firstBytes = Buffer.alloc(0)
  private readonly client: Socket
  private readonly target: Socket
  private readonly lanes: [Lane, Lane]

  constructor(id: number, client: Socket, target: Socket, settings: {
    limit: number
    delay: () => number
    onFirstBytes: (connection: Connection) => void
    onClose: (connection: Connection) => void
  }) {
    this.id = id
    this.client = client
    this.target = target
    client.setNoDelay(true)
    target.setNoDelay(true)
    const toTarget = new Lane(client, target, settings.limit, settings.delay)
    const toClient = new Lane(target, client, settings.limit, settings.delay)
    this.lanes = [toTarget, toClient]
    client.on('data', (bytes) => {
      if (this.firstBytes.length < keptClientBytes) {
        this.firstBytes = Buffer.concat([this.firstBytes, bytes]).subarray(0, keptClientBytes)
        // Before these bytes are forwarded, so that the request that gives a connection away is held too.
        settings.onFirstBytes(this)
      }
      toTarget.pushBytes(bytes)
    })
    target.on('data', bytes => toClient.pushBytes(bytes))
    const onClose = () => {
      if (client.destroyed && target.destroyed) {
        settings.onClose(this)
      }
    }
    client.on('close', onClose)
    target.on('close', onClose)
  }

  get sent(): string {
    return this.firstBytes.toString('latin1')
  }

  cut(): void {
    this.client.destroy()
    this.target.destroy()
  }

  freeze({ discard = false }: { discard?: boolean } = {}): void {
    this.frozen = true
    this.lanes.forEach(lane => lane.freeze(discard))
  }

  thaw(): void {
    this.frozen = false
    this.lanes.forEach(lane => lane.thaw())
  }
}

/**
 * Starts a TCP proxy on 127.0.0.1 in front of a port.
 * @throws Error when it cannot listen
 */
export async function startTcpProxy(targetPort: number, options: TcpProxyOptions = {}): Promise<TcpProxy> {
  const { targetHost = '127.0.0.1', bufferLimit = 1024 * 1024 } = options
  const port = options.port ?? await freePort()
  const connections = new Set<Connection>()
  let accepted = 0
  let delay = 0
  let freezing: FreezeOptions | undefined
  let server: Server | undefined

  const applyFreeze = (connection: Connection) => {
    if (freezing && !connection.frozen && (freezing.only?.(connection) ?? true)) {
      connection.freeze(freezing)
    }
  }
  const onClient = (client: Socket) => {
    const target = connect({ port: targetPort, host: targetHost, allowHalfOpen: true })
    const connection = new Connection(++accepted, client, target, {
      limit: bufferLimit,
      delay: () => delay,
      onFirstBytes: applyFreeze,
      onClose: closed => connections.delete(closed),
    })
    connections.add(connection)
    applyFreeze(connection)
  }
  const accept = async () => {
    if (server) {
      return
    }
    const next = createServer({ allowHalfOpen: true }, onClient)
    server = next
    await new Promise<void>((resolve, reject) => {
      next.once('error', reject)
      next.listen({ port, host: '127.0.0.1' }, resolve)
    })
  }
  const refuse = () => {
    server?.close()
    server = undefined
  }
  const cut = (only: ConnectionPredicate = () => true) => {
    const chosen = [...connections].filter(only)
    chosen.forEach(connection => connection.cut())
    return chosen.length
  }

  await accept()
  return {
    port,
    get connections() {
      return [...connections]
    },
    get accepted() {
      return accepted
    },
    cut,
    refuse,
    accept,
    freeze: (freezeOptions = {}) => {
      freezing = freezeOptions
      connections.forEach(applyFreeze)
    },
    thaw: () => {
      freezing = undefined
      connections.forEach(connection => connection.thaw())
    },
    delay: (milliseconds) => {
      delay = milliseconds
    },
    close: () => {
      refuse()
      cut()
    },
  }
}
