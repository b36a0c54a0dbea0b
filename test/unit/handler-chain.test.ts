import type { App, H3Event } from 'h3'
import { describe, expect, it } from 'vitest'
import type { Stage } from '../../src/runtime/server/request/handler-chain'
import { addStage, STAGES } from '../../src/runtime/server/request/handler-chain'

function createApp() {
  const passed: string[] = []
  const handler = Object.assign((_event: H3Event) => {
    passed.push('app')
    return 'answer'
  }, { __is_handler__: true })
  const app = { handler } as unknown as Pick<App, 'handler'>
  const add = (stage: Stage) => addStage(app, stage, next => (event) => {
    passed.push(stage)
    return next(event)
  })
  const request = async () => {
    passed.length = 0
    return [await app.handler({} as H3Event), ...passed]
  }
  return { app, add, request }
}

describe('the request chain', () => {
  it('has the order of the list, whichever stage is added first', async () => {
    const { add, request } = createApp()
    for (const stage of ['http', 'leases', 'tenant', 'connections', 'rate-limit'] as const) add(stage)
    expect(await request()).toEqual(['answer', 'connections', 'leases', 'tenant', 'rate-limit', 'http', 'app'])
  })

  it('has every stage of the list once', async () => {
    const { add, request } = createApp()
    for (const stage of [...STAGES].reverse()) add(stage)
    expect(await request()).toEqual(['answer', ...STAGES, 'app'])
    expect(() => add('tenant')).toThrow('The stage "tenant" of the request chain was added twice.')
  })

  it('leaves what a plugin of the app wrapped around it where it is, also when a stage is added afterwards', async () => {
    const { app, add, request } = createApp()
    add('http')
    const { handler } = app
    const own: string[] = []
    app.handler = Object.assign((event: H3Event) => {
      own.push('own')
      return handler(event)
    }, handler) as typeof handler
    add('tenant')
    expect(await request()).toEqual(['answer', 'tenant', 'http', 'app'])
    expect(own).toEqual(['own'])
  })

  it('keeps the properties of the handler that it takes the place of', () => {
    const { app, add } = createApp()
    add('http')
    expect((app.handler as unknown as { __is_handler__: boolean }).__is_handler__).toBe(true)
  })
})
