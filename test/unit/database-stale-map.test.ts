import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { H3Event } from 'h3'
import { expect, it } from 'vitest'
import { DatabaseBusyError, isStaleShardMap, StaleShardMapError } from '../../src/runtime/server/database/errors'
import { withLeases } from '../../src/runtime/server/database/request'

/** What a request gets whose handler throws. */
async function answer(thrown: unknown): Promise<{ error: unknown, retryAfter: unknown }> {
  const req = new IncomingMessage(new Socket())
  const res = new ServerResponse(req)
  const event = { node: { req, res }, context: {} } as unknown as H3Event
  const error = await withLeases(() => Promise.reject(thrown), { ready: () => undefined, onWrite: () => {} })(event).then(() => undefined, (error: unknown) => error)
  return { error, retryAfter: res.getHeader('retry-after') }
}

const refusal = Object.assign(new Error('StaleShardMap: this row of users has moved'), { code: 'NS001' })

it.each([
  ['of pg', refusal],
  ['of Prisma', new Error('Invalid prisma.user.update() invocation: StaleShardMap: this row of users has moved')],
  ['behind another error', new Error('The order was not saved', { cause: new Error('query failed', { cause: refusal }) })],
])('a refusal %s is answered with 503 and Retry-After', async (_, thrown) => {
  const { error, retryAfter } = await answer(thrown)
  expect(error).toBeInstanceOf(StaleShardMapError)
  expect(error).toMatchObject({ statusCode: 503, code: 'STALE_SHARD_MAP', message: 'This data is moving to another shard: try again.' })
  expect(retryAfter).toBe('1')
})

it('other errors are answered as before', async () => {
  const own = new Error('duplicate key')
  expect(await answer(own)).toEqual({ error: own, retryAfter: undefined })
  const busy = new DatabaseBusyError('None was free.', 3000)
  expect(await answer(busy)).toEqual({ error: busy, retryAfter: '3' })
  expect((await answer(new Error('x', { cause: busy }))).error).toBeInstanceOf(DatabaseBusyError)
  // What the app answers itself stays its own.
  const given = Object.assign(new Error('later'), { statusCode: 503, cause: refusal })
  expect(await answer(given)).toEqual({ error: given, retryAfter: '1' })
  expect(isStaleShardMap(undefined)).toBe(false)
})
