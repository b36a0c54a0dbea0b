import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { makeYoung } from '../../src/build/nitro-patches'
import type { QuietableHooks } from '../../src/runtime/server/nitro-patches/quiet-hooks'
import { quietHooks } from '../../src/runtime/server/nitro-patches/quiet-hooks'

interface Hooks extends QuietableHooks {
  hook: (name: string, listener: (...values: never[]) => unknown) => () => void
  beforeEach: (spy: (call: { name: string, args: unknown[] }) => void) => void
  afterEach: (spy: (call: { name: string }) => void) => void
}

const ofNitro = createRequire(createRequire(import.meta.url).resolve('nitropack/package.json'))
const { createHooks } = await import(pathToFileURL(ofNitro.resolve('hookable')).href) as { createHooks: () => Hooks }

describe.each([['as Nitro has them', false], ['made cheap', true]])('hooks %s', (_, quiet) => {
  let hooks: Hooks
  let call: (name: string, ...values: unknown[]) => Promise<unknown>

  beforeEach(() => {
    hooks = createHooks()
    if (quiet) quietHooks(hooks)
    call = hooks.callHook as unknown as typeof call
  })

  it('call nobody, and are done', async () => {
    await expect(call('request', {})).resolves.toBeUndefined()
  })

  it('call one listener after the other, each with all values, and end with what the last returns', async () => {
    const calls: string[] = []
    hooks.hook('request', async (one: number, two: number) => {
      await new Promise(resolve => setTimeout(resolve, 5))
      calls.push(`first ${one} ${two}`)
    })
    const remove = hooks.hook('request', (one: number) => {
      calls.push(`second ${one}`)
      return 'last'
    })
    await expect(call('request', 1, 2)).resolves.toBe('last')
    remove()
    await call('request', 3, 4)
    expect(calls).toEqual(['first 1 2', 'second 1', 'first 3 4'])
  })

  it('fail with what a listener throws, and call none behind it', async () => {
    const behind = vi.fn()
    hooks.hook('request', () => {
      throw new Error('first')
    })
    hooks.hook('request', behind)
    await expect(call('request')).rejects.toThrow('first')
    expect(behind).not.toHaveBeenCalled()
  })

  it('tell spies of each call, also of one that nobody hears', async () => {
    const spied: string[] = []
    hooks.beforeEach(({ name }) => spied.push(`before ${name}`))
    hooks.afterEach(({ name }) => spied.push(`after ${name}`))
    hooks.hook('request', () => spied.push('listener'))
    await call('request')
    await call('unheard')
    expect(spied).toEqual(['before request', 'listener', 'after request', 'before unheard', 'after unheard'])
  })
})

describe('functions of an event', () => {
  it('are no methods to V8 when they stand behind a condition', () => {
    const source = 'event.$fetch = (req, init) => {\n  return 1;\n};\nevent.other = value;\nitem.fetch = (a) => a;'
    expect(makeYoung(source)).toBe('event.$fetch = event === undefined ? undefined : (req, init) => {\n  return 1;\n};\nevent.other = value;\nitem.fetch = (a) => a;')
  })

  it('are found in the Nitro that is installed', async () => {
    const { readFile } = await import('node:fs/promises')
    const source = await readFile(ofNitro.resolve('./dist/runtime/internal/app.mjs'), 'utf8')
    expect(makeYoung(source).match(/= event === undefined \? undefined : \(/g)).toHaveLength(4)
  })
})
