import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { checkBudget } from '../../src/runtime/server/shutdown/budget'
import { createDrain } from '../../src/runtime/server/shutdown/drain'
import { NITRO_SHUTDOWN, takeNitroShutdown } from '../../src/runtime/server/shutdown/nitro-shutdown'
import { shutdownSettings } from '../../src/runtime/server/shutdown/settings'
import type { ShutdownModuleOptions } from '../../src/runtime/server/shutdown/settings'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** What happens, and when: milliseconds since the signal. */
function createWorld(options: ShutdownModuleOptions = {}, { streams = 0, requests = 0, mayExit = true } = {}) {
  const start = performance.now()
  const seen: [string, number][] = []
  const note = (name: string) => seen.push([name, Math.round(performance.now() - start)])
  const onSignal = createDrain({
    settings: shutdownSettings.resolveGiven(options),
    connections: {
      closeAfterResponse: () => note('close after response'),
      stopListening: async () => {
        note('stop listening')
      },
      endStreams: async () => {
        note('end streams')
        await new Promise(resolve => setTimeout(resolve, streams))
      },
      cut: () => {
        note('cut')
        return requests
      },
    },
    log: { info: () => {}, warn: sentence => note(sentence) },
    begin: deadline => note(`begin until ${deadline - start}`),
    close: () => note('close'),
    mayExit,
    exit: code => note(`exit ${code}`),
    wait: milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds)),
  })
  return { seen, onSignal }
}

describe('a signal', () => {
  it('makes the instance unready, lets it serve on, ends streams, closes, and cuts off what takes too long', async () => {
    const { seen, onSignal } = createWorld({ drainDelay: '2s', timeout: '3s', gracePeriod: '10s' }, { streams: 400, requests: 2 })
    onSignal('SIGTERM')
    await vi.advanceTimersByTimeAsync(8000)
    expect(seen).toEqual([
      ['begin until 9000', 0],
      ['close after response', 0],
      ['stop listening', 2000],
      ['end streams', 2000],
      ['close', 2400],
      ['cut', 5000],
      ['2 requests took longer than scale.shutdown.timeout (3000 ms) and were aborted.', 5000],
    ])
  })

  it('ends the process before the grace period is over, when Nitro has not', async () => {
    const { seen, onSignal } = createWorld({ drainDelay: 0, timeout: '1s', gracePeriod: '4s' })
    onSignal('SIGTERM')
    await vi.advanceTimersByTimeAsync(4000)
    expect(seen.slice(-2)).toEqual([[expect.stringContaining('The shutdown was not complete 3000 ms after SIGTERM'), 3000], ['exit 1', 3000]])
  })

  it('leaves a process that must not be ended to itself', async () => {
    const { seen, onSignal } = createWorld({ drainDelay: 0, timeout: '1s', gracePeriod: '4s' }, { mayExit: false })
    onSignal('SIGTERM')
    await vi.advanceTimersByTimeAsync(5000)
    expect(seen.map(([name]) => name)).toEqual(['begin until 3000', 'close after response', 'stop listening', 'end streams', 'close', 'cut'])
  })

  it.each([['SIGTERM', 143], ['SIGINT', 130]] as const)('that comes again as %s ends the process at once, but not as an echo', async (signal, code) => {
    const { seen, onSignal } = createWorld()
    onSignal('SIGTERM')
    await vi.advanceTimersByTimeAsync(50)
    onSignal(signal)
    expect(seen.map(([name]) => name)).not.toContain(`exit ${code}`)
    await vi.advanceTimersByTimeAsync(100)
    onSignal(signal)
    expect(seen.at(-1)).toEqual([`exit ${code}`, 150])
  })
})

describe('Nitro\'s own shutdown', () => {
  it('is given an event in the place of signals, and no timeout of its own', () => {
    const env: NodeJS.ProcessEnv = {}
    expect(takeNitroShutdown(env, 30_000)).toEqual({ signals: ['SIGTERM', 'SIGINT'], mayExit: true })
    expect(env).toEqual({ NITRO_SHUTDOWN_SIGNALS: NITRO_SHUTDOWN, NITRO_SHUTDOWN_TIMEOUT: '30000' })
  })

  it('keeps what the user has set', () => {
    const env: NodeJS.ProcessEnv = { NITRO_SHUTDOWN_SIGNALS: 'SIGUSR2  SIGTERM', NITRO_SHUTDOWN_TIMEOUT: '1000', NITRO_SHUTDOWN_NO_FORCE_EXIT: '1' }
    expect(takeNitroShutdown(env, 30_000)).toEqual({ signals: ['SIGUSR2', 'SIGTERM'], mayExit: false })
    expect(env).toMatchObject({ NITRO_SHUTDOWN_SIGNALS: NITRO_SHUTDOWN, NITRO_SHUTDOWN_TIMEOUT: '1000' })
    const off = { NITRO_SHUTDOWN_DISABLED: '1' }
    expect(takeNitroShutdown(off, 30_000)).toBeUndefined()
    expect(off).toEqual({ NITRO_SHUTDOWN_DISABLED: '1' })
  })
})

describe('the budget', () => {
  const consumers = { option: 'scale.rabbitmq.drainTimeout', milliseconds: 15_000 }

  it('of the defaults fits, with consumers too', () => {
    expect(checkBudget(shutdownSettings.resolveGiven({}), [])).toBeUndefined()
    expect(checkBudget(shutdownSettings.resolveGiven({}), [consumers])).toBeUndefined()
  })

  it('that does not fit is told in one sentence', () => {
    const { problem, fix } = checkBudget(shutdownSettings.resolveGiven({ drainDelay: '15s' }), [consumers])!
    expect(`${problem}: ${fix}.`)
      .toBe('The shutdown may take 40 s (drainDelay 15 s, timeout 8 s, scale.rabbitmq.drainTimeout 15 s, and 2 s for the rest), but the process is killed after 30 s (scale.shutdown.gracePeriod): shorten one of these times, or raise gracePeriod together with the grace period of your orchestrator.')
  })
})

it.each<[ShutdownModuleOptions, string]>([
  [{ drainDelay: 'soon' }, 'scale.shutdown.drainDelay is "soon"'],
  [{ keepAliveTimeout: 0 }, 'scale.shutdown.keepAliveTimeout is 0: write a time above 0 and up to 24 days.'],
  [{ gracePeriod: '30d' }, 'scale.shutdown.gracePeriod is "30d"'],
  [{ hookTimeout: '8s' } as never, 'scale.shutdown.hookTimeout is not an option'],
  ['8s' as never, 'scale.shutdown (NUXT_SCALE_SHUTDOWN) must be an object of options'],
])('the options %j are refused', (options, sentence) => {
  expect(() => shutdownSettings.resolveGiven(options)).toThrow(sentence)
})
