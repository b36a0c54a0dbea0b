import { beforeEach, expect, it } from 'vitest'
import type { StuckClients } from '../../src/runtime/server/redis/server-probe'
import { createStuckClients } from '../../src/runtime/server/redis/server-probe'
import type { RedisClient } from '../../src/runtime/server/redis/types'

let closing: boolean
let stuck: StuckClients

beforeEach(() => {
  closing = false
  stuck = createStuckClients(() => closing)
})

function clientThatIs(status: string) {
  const actions: string[] = []
  const client = {
    status,
    disconnect: (reconnect: boolean) => actions.push(`disconnect(${reconnect})`),
    connect: () => {
      actions.push('connect')
      return Promise.reject(new Error('still down'))
    },
  }
  return { client: client as unknown as RedisClient, actions }
}

function miss(client: RedisClient, times: number): void {
  for (let time = 0; time < times; time++) {
    stuck.unanswered(client)
  }
}

it.each(['ready', 'connect'])('replaces the socket of a client that is %s at every second probe without an answer', (status) => {
  const { client, actions } = clientThatIs(status)
  miss(client, 1)
  expect(actions).toEqual([])
  miss(client, 1)
  expect(actions).toEqual(['disconnect(true)'])
  miss(client, 2)
  expect(actions).toEqual(['disconnect(true)', 'disconnect(true)'])
})

it('connects a client again that has ended, and bears it when that fails', () => {
  const { client, actions } = clientThatIs('end')
  miss(client, 2)
  expect(actions).toEqual(['connect'])
})

it('gives a client that is disconnecting more time', () => {
  const { client, actions } = clientThatIs('disconnecting')
  miss(client, 4)
  expect(actions).toEqual([])
  miss(client, 1)
  expect(actions).toEqual(['connect'])
})

it.each(['connecting', 'reconnecting', 'wait'])('leaves a client alone that is %s', (status) => {
  const { client, actions } = clientThatIs(status)
  miss(client, 10)
  expect(actions).toEqual([])
})

it('counts in a row, and each client by itself', () => {
  const one = clientThatIs('ready')
  const other = clientThatIs('ready')
  miss(one.client, 1)
  miss(other.client, 1)
  stuck.answered(one.client)
  miss(one.client, 1)
  expect([one.actions, other.actions]).toEqual([[], []])
  miss(other.client, 1)
  expect([one.actions, other.actions]).toEqual([[], ['disconnect(true)']])
})

it('heals nothing once the connection closes', () => {
  const { client, actions } = clientThatIs('ready')
  closing = true
  miss(client, 3)
  expect(actions).toEqual([])
})
