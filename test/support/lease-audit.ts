import type { Redis } from 'ioredis'
import { WRITE_ID_LENGTH, WRITE_ID_START } from '../../src/runtime/server/cache/entry'
import type { RedisServer } from './redis'

/** ms by which Redis may expire a key before the audit thinks it did. */
const EXPIRY_MARGIN = 20
/** After a break in the record a lease may be held for so long that nobody saw begin, in ms. */
const BLIND = 6000
const MARKERS = new Set(['uncacheable', 'failed'])

/** Watches every command of a Redis, those inside of scripts too, in the order in which they took effect. */
export interface LeaseAudit {
  /** What was wrong so far. */
  violations: string[]
  /** Entries that were written. */
  writes: number
  /** Leases that were won. */
  leases: number
  stop: () => void
}

/**
 * Proves from the server's own record that a key has one lease holder at a time, that an entry is written by the holder of its lease and once a lease,
 * and that nothing is stored without an expiry. `set` of the engine, which needs no lease, must not be used beside it.
 */
export async function auditLeases(server: Pick<RedisServer, 'client'>): Promise<LeaseAudit> {
  const client = server.client({ autoResendUnfulfilledCommands: false })
  const holders = new Map<string, { token: string, until: number }>()
  const audit: LeaseAudit = { violations: [], writes: 0, leases: 0, stop: () => {} }
  const complain = (text: string) => audit.violations.length < 20 && audit.violations.push(text)
  let monitor: Redis | undefined
  let blindUntil = 0
  let stopped = false

  function onSet(key: string, value: string, args: string[], now: number): void {
    const expiry = args.findIndex(arg => arg.toUpperCase() === 'PX')
    if (expiry < 0) complain(`${key} was stored without an expiry`)
    const [, kind, inner] = /^scale:(\w+):\{(.*)\}$/.exec(key) ?? []
    if (inner === undefined) return
    const holder = holders.get(inner)
    const held = holder !== undefined && holder.until > now ? holder.token : undefined
    if (kind === 'lease') {
      if (!MARKERS.has(value)) {
        audit.leases++
        if (held !== undefined && held !== value && !MARKERS.has(held) && holder!.until > now + EXPIRY_MARGIN) {
          complain(`${key} was given to ${value} while ${held} held it`)
        }
      }
      holders.set(inner, { token: value, until: now + Number(args[expiry + 1]) })
    }
    else if (kind === 'cache') {
      audit.writes++
      const writer = value.slice(WRITE_ID_START, WRITE_ID_START + WRITE_ID_LENGTH)
      if (holder === undefined && now < blindUntil) return
      if (holder?.token !== writer || holder.until < now - EXPIRY_MARGIN) complain(`${key} was written by ${writer} while its lease was ${held ?? 'free'}`)
    }
  }

  function onCommand(time: string, args: string[]): void {
    const now = Number(time) * 1000
    const [name = '', ...rest] = args
    switch (name.toUpperCase()) {
      case 'SET':
        onSet(rest[0]!, rest[1] ?? '', rest.slice(2), now)
        break
      case 'PEXPIRE': {
        const holder = holders.get(/^scale:lease:\{(.*)\}$/.exec(rest[0]!)?.[1] ?? '')
        if (holder) holder.until = now + Number(rest[1])
        break
      }
      case 'DEL':
      case 'UNLINK':
        for (const key of rest) {
          const inner = /^scale:lease:\{(.*)\}$/.exec(key)?.[1]
          if (inner !== undefined) holders.delete(inner)
        }
        break
      case 'FLUSHALL':
        holders.clear()
        break
    }
  }

  async function watch(): Promise<void> {
    monitor = await client.monitor()
    if (stopped) return monitor.disconnect()
    monitor.on('error', () => {})
    monitor.on('monitor', onCommand)
    // A server that was started again is empty, and is used before ioredis has resumed the watch.
    for (const event of ['close', 'ready', 'monitoring']) {
      monitor.on(event, () => {
        if (event === 'close') holders.clear()
        blindUntil = Date.now() + BLIND
      })
    }
  }

  await watch()
  audit.stop = () => {
    stopped = true
    monitor?.disconnect()
    client.disconnect()
  }
  return audit
}
