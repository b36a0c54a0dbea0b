import { IncomingMessage, ServerResponse } from 'node-mock-http'
import fc from 'fast-check'
import { createEvent } from 'h3'
import { describe, expect, it } from 'vitest'
import type { PathReadings } from '../../src/runtime/server/core/paths'
import { readPath } from '../../src/runtime/server/core/paths'
import { stricterHttpRule } from '../../src/runtime/server/http/settings'
import { stricterRateLimit } from '../../src/runtime/server/rate-limit/settings'
import { createRoutedApp, homes, rules } from '../support/routed-app'
import { spellings } from '../support/spellings'

const factsOf = (path: PathReadings) => ({ limit: rules.limitOf(path, 'GET'), class: rules.classOf(path), open: rules.isOpen(path) })

let reached = 'none'
const app = createRoutedApp((handler) => {
  reached = handler
})

async function handlerOf(target: string): Promise<string> {
  reached = 'none'
  const request = Object.assign(new IncomingMessage(), { url: target, method: 'GET' }) as never
  await Promise.resolve(app.handler(createEvent(request, new ServerResponse(request) as never))).catch(() => {})
  return reached
}

describe('two spellings that reach one handler', () => {
  it.each(Object.entries(homes))('of %s begin with %s', async (handler, path) => {
    expect(await handlerOf(path)).toBe(handler)
  })

  it('get one rule, one bucket and one cache class, and a stricter one where the path has several meanings', async () => {
    let [certain, ambiguous] = [0, 0]
    await fc.assert(fc.asyncProperty(spellings(Object.values(homes)), async (spelling) => {
      const handler = await handlerOf(spelling)
      const path = homes[handler]
      // A catch-all answers paths of many rules.
      if (path === undefined || handler.includes('*')) return
      const readings = readPath(spelling)
      const [wanted, got] = [factsOf(path), factsOf(readings)]
      if (typeof readings === 'string') {
        certain++
        expect({ spelling, ...got }).toEqual({ spelling, ...wanted })
        return
      }
      ambiguous++
      expect({ spelling, limit: stricterRateLimit(got.limit, wanted.limit, 'GET')?.name }).toEqual({ spelling, limit: got.limit?.name })
      expect({ spelling, class: stricterHttpRule(got.class, wanted.class) }).toEqual({ spelling, class: got.class })
      expect({ spelling, opened: got.open && !wanted.open }).toEqual({ spelling, opened: false })
    }), { numRuns: 10_000 })
    // The spellings must say something.
    expect(certain).toBeGreaterThan(2000)
    expect(ambiguous).toBeGreaterThan(200)
  })
})
