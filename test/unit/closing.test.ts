import { createHooks } from 'hookable'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { closingLimits, endBy, onClose } from '../../src/runtime/server/core/closing'

afterEach(() => {
  endBy(Infinity)
  vi.restoreAllMocks()
})

const createApp = () => ({ hooks: createHooks<{ close: () => Promise<void> | void }>() })

describe('the features', () => {
  it('end in their order, consumers before the hooks of the app and all else behind them', async () => {
    const app = createApp()
    const order: string[] = []
    const note = (name: string) => async () => {
      await new Promise(resolve => setTimeout(resolve, 5))
      order.push(name)
    }
    onClose(app as never, 'redis', note('redis'))
    onClose(app as never, 'context', note('context'))
    onClose(app as never, 'caches', note('caches'))
    onClose(app as never, 'consumers', note('consumers'))
    onClose(app as never, 'databases', note('databases'))
    app.hooks.hook('close', () => {
      order.push('app')
    })
    await Promise.resolve()
    await app.hooks.callHook('close')
    expect(order).toEqual(['consumers', 'app', 'databases', 'caches', 'redis', 'context'])
    await app.hooks.callHook('close')
    expect(order).toHaveLength(7)
  })

  it('end although one of them fails or hangs, each within what is left, without a word of what an error says', async () => {
    const log = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const written: string[] = []
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written.push(String(text))
      return true
    })
    const app = createApp()
    const ended: [string, number][] = []
    const end = (name: string) => (left: number) => void ended.push([name, left])
    onClose(app as never, 'consumers', () => new Promise(() => {}))
    onClose(app as never, 'databases', () => {
      throw new TypeError('redis://secret@10.0.0.1')
    })
    onClose(app as never, 'databases', end('databases'))
    onClose(app as never, 'redis', end('redis'))
    await Promise.resolve()
    const start = performance.now()
    endBy(start + 200)
    await app.hooks.callHook('close')
    expect(ended.map(([name]) => name)).toEqual(['databases', 'redis'])
    // Each leaves a quarter of what is left to those after it. Timers of Node count whole milliseconds, and may be over one early.
    expect(ended[0]![1]).toBeLessThanOrEqual((200 * 0.25 + 1) * 0.75)
    expect(ended[1]![1]).toBeGreaterThan(0)
    expect(written.join('') + log.mock.calls.flat().join('\n')).not.toContain('secret')
  })

  it('have no limit where nothing says when the process must be gone, and name the option that limits them', async () => {
    const app = createApp()
    const seen: number[] = []
    onClose(app as never, 'consumers', left => seen.push(left), { option: 'scale.rabbitmq.drainTimeout', milliseconds: 15_000 })
    await app.hooks.callHook('close')
    expect(seen).toEqual([Infinity])
    expect(closingLimits()).toEqual([{ option: 'scale.rabbitmq.drainTimeout', milliseconds: 15_000 }])
  })
})
