import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { createSigningKeys } from '../../src/runtime/server/core/secret'

describe('the keys that the module signs with', () => {
  it('follow from the secret, and differ by purpose', () => {
    const secret = 'a secret of the whole app'
    const onMissing = vi.fn()
    const [one, other] = [createSigningKeys({ secret, onMissing }), createSigningKeys({ secret, onMissing })]
    expect(one.keyFor('cursor')).toEqual(other.keyFor('cursor'))
    expect(one.keyFor('cursor')).not.toEqual(one.keyFor('read-your-writes'))
    expect(one.keyFor('cursor')).not.toEqual(createSigningKeys({ secret: `${secret}.` }).keyFor('cursor'))
    expect(one.sharedKeyFor('read-your-writes')).toEqual(other.keyFor('read-your-writes'))
    expect(onMissing).not.toHaveBeenCalled()
  })

  it('are shared by all instances, or are not there', () => {
    const onMissing = vi.fn()
    expect(createSigningKeys({ secret: '', onMissing }).sharedKeyFor('read-your-writes')).toBeUndefined()
    expect(onMissing).not.toHaveBeenCalled()
  })

  it('come from one place: nothing else reads the secret', () => {
    const files = readdirSync('src/runtime', { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
    const readers = files.filter(file => /scale\.secret\b(?! \()|env\.NUXT_SCALE_SECRET/.test(readFileSync(join('src/runtime', file), 'utf8').replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, '')))
    expect(readers).toEqual(['server/core/signing-keys.ts'])
  })

  it.each(['', undefined])('are of one process when the secret is %j, which is said once', (secret) => {
    const onMissing = vi.fn()
    const keys = createSigningKeys({ secret, onMissing })
    expect(onMissing).not.toHaveBeenCalled()
    expect(keys.keyFor('cursor')).toEqual(keys.keyFor('cursor'))
    expect(keys.keyFor('cursor')).not.toEqual(keys.keyFor('read-your-writes'))
    expect(keys.keyFor('cursor')).not.toEqual(createSigningKeys({ secret }).keyFor('cursor'))
    expect(onMissing).toHaveBeenCalledOnce()
  })

  it('are not drawn from a secret that can be guessed', () => {
    expect(() => createSigningKeys({ secret: 'short' })).toThrow('scale.secret (NUXT_SCALE_SECRET) has 5 characters: write at least 16')
  })
})
