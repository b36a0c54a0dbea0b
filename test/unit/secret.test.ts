import { describe, expect, it, vi } from 'vitest'
import { createSigningKeys } from '../../src/runtime/server/secret'

describe('the keys that the module signs with', () => {
  it('follow from the secret, and differ by purpose', () => {
    const secret = 'a secret of the whole app'
    const onMissing = vi.fn()
    const [one, other] = [createSigningKeys({ secret, onMissing }), createSigningKeys({ secret, onMissing })]
    expect(one.keyFor('cursor')).toEqual(other.keyFor('cursor'))
    expect(one.keyFor('cursor')).not.toEqual(one.keyFor('cookie'))
    expect(one.keyFor('cursor')).not.toEqual(createSigningKeys({ secret: `${secret}.` }).keyFor('cursor'))
    expect(onMissing).not.toHaveBeenCalled()
  })

  it.each(['', undefined])('are of one process when the secret is %j, which is said once', (secret) => {
    const onMissing = vi.fn()
    const keys = createSigningKeys({ secret, onMissing })
    expect(onMissing).not.toHaveBeenCalled()
    expect(keys.keyFor('cursor')).toEqual(keys.keyFor('cursor'))
    expect(keys.keyFor('cursor')).not.toEqual(keys.keyFor('cookie'))
    expect(keys.keyFor('cursor')).not.toEqual(createSigningKeys({ secret }).keyFor('cursor'))
    expect(onMissing).toHaveBeenCalledOnce()
  })

  it('are not drawn from a secret that can be guessed', () => {
    expect(() => createSigningKeys({ secret: 'short' })).toThrow('scale.secret (NUXT_SCALE_SECRET) has 5 characters: write at least 16')
  })
})
