import { beforeEach, describe, expect, it } from 'vitest'
import type { Breaker } from '../../src/runtime/server/redis/breaker'
import { createBreaker } from '../../src/runtime/server/redis/breaker'
import { ManualClock, settle } from '../support/manual-clock.ts'

let clock: ManualClock
let breaker: Breaker
let changes: [boolean, string][]
let probes: { answer: () => void, fail: () => void }[]

beforeEach(() => {
  clock = new ManualClock()
  changes = []
  probes = []
  breaker = createBreaker({
    clock,
    probeTimeout: 250,
    probe: () => new Promise<void>((resolve, reject) => {
      probes.push({ answer: resolve, fail: () => reject(new Error('no')) })
    }),
    onChange: (available, reason) => changes.push([available, reason]),
  })
})

describe('closed', () => {
  it('starts available, without a timer', () => {
    expect(breaker).toMatchObject({ state: 'closed', available: true, reason: '' })
    expect(clock.timers.size).toBe(0)
  })

  it('opens at the third failure in a row, once', () => {
    breaker.failed('a')
    breaker.failed('b')
    expect(breaker.available).toBe(true)
    breaker.failed('c')
    breaker.failed('d')
    expect(breaker).toMatchObject({ state: 'open', available: false, reason: 'c' })
    expect(changes).toEqual([[false, 'c']])
  })

  it('counts from the start after an answer', () => {
    for (let round = 0; round < 5; round++) {
      breaker.failed('x')
      breaker.failed('x')
      breaker.succeeded()
    }
    expect(breaker.available).toBe(true)
  })

  it('opens at once when the connection is lost', () => {
    breaker.trip('refused')
    expect(breaker).toMatchObject({ state: 'open', reason: 'refused' })
  })

  it('ignores probeNow', () => {
    breaker.probeNow()
    expect(probes).toHaveLength(0)
  })
})

describe('open', () => {
  beforeEach(() => breaker.trip('lost'))

  it('probes in the background after the interval, and stays shut for requests meanwhile', async () => {
    await clock.advance(499)
    expect(probes).toHaveLength(0)
    await clock.advance(1)
    expect(probes).toHaveLength(1)
    expect(breaker).toMatchObject({ state: 'half-open', available: false })
  })

  it.each([[0, 375], [0.999, 625]])('scatters the interval (dice %d)', async (dice, milliseconds) => {
    await clock.advance(500)
    clock.dice = dice
    probes[0]!.fail()
    await settle()
    await clock.advance(milliseconds - 1)
    expect(probes).toHaveLength(1)
    await clock.advance(1)
    expect(probes).toHaveLength(2)
  })

  it('is not closed by the late answer of a request', () => {
    breaker.succeeded()
    expect(breaker.available).toBe(false)
  })

  it('keeps the first reason', () => {
    breaker.trip('again')
    breaker.failed('again')
    expect(changes).toEqual([[false, 'lost']])
  })

  it('probes at once when told so', () => {
    breaker.probeNow()
    expect(probes).toHaveLength(1)
  })

  it('never has two probes or two timers at a time', async () => {
    breaker.probeNow()
    breaker.probeNow()
    breaker.trip('x')
    expect(probes).toHaveLength(1)
    expect(clock.timers.size).toBe(1)
  })
})

describe('half-open', () => {
  beforeEach(async () => {
    breaker.trip('lost')
    await clock.advance(500)
  })

  it('closes when the probe is answered', async () => {
    probes[0]!.answer()
    await settle()
    expect(breaker).toMatchObject({ state: 'closed', available: true })
    expect(changes).toEqual([[false, 'lost'], [true, 'lost']])
    expect(clock.timers.size).toBe(0)
  })

  it('opens again when the probe fails, and says nothing twice', async () => {
    probes[0]!.fail()
    await settle()
    expect(breaker.state).toBe('open')
    expect(changes).toHaveLength(1)
    await clock.advance(500)
    expect(probes).toHaveLength(2)
  })

  it('gives a probe 250 ms, and ignores what it says later', async () => {
    await clock.advance(250)
    expect(breaker.state).toBe('open')
    probes[0]!.answer()
    await settle()
    expect(breaker.available).toBe(false)
    expect(clock.timers.size).toBe(1)
  })

  it('probes again right after a failure when something changed meanwhile', async () => {
    breaker.probeNow()
    expect(probes).toHaveLength(1)
    probes[0]!.fail()
    await settle()
    expect(probes).toHaveLength(2)
    probes[1]!.fail()
    await settle()
    expect(probes).toHaveLength(2)
  })

  it('starts counting anew after it closed', async () => {
    probes[0]!.answer()
    await settle()
    breaker.failed('x')
    breaker.failed('x')
    expect(breaker.available).toBe(true)
    breaker.failed('x')
    expect(breaker.available).toBe(false)
  })
})

describe('close', () => {
  it('stops the probes', async () => {
    breaker.trip('lost')
    breaker.close()
    breaker.close()
    expect(clock.timers.size).toBe(0)
    await clock.advance(10_000)
    expect(probes).toHaveLength(0)
  })

  it('ignores the probe on its way', async () => {
    breaker.trip('lost')
    breaker.probeNow()
    breaker.close()
    probes[0]!.answer()
    await settle()
    expect(changes).toHaveLength(1)
    expect(clock.timers.size).toBe(0)
  })

  it('opens no more', () => {
    breaker.close()
    breaker.trip('x')
    expect(changes).toHaveLength(0)
    expect(clock.timers.size).toBe(0)
  })
})

it('is back within two intervals and a probe after any outage', async () => {
  breaker.trip('lost')
  for (let round = 0; round < 20; round++) {
    await clock.advance(700)
    probes.at(-1)!.fail()
    await settle()
  }
  const back = clock.time
  clock.dice = 0.999
  while (!breaker.available) {
    await clock.advance(25)
    probes.at(-1)!.answer()
    await settle()
  }
  expect(clock.time - back).toBeLessThan(700)
})
