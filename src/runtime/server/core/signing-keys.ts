import { createLog } from './log'
import { useRuntimeConfig } from '../nitro'
import type { SigningKeys, SigningPurpose } from './secret'
import { createSigningKeys } from './secret'

let keys: SigningKeys | undefined

/** Returns the keys of the app. The secret is read on the first call. */
function signingKeys(): SigningKeys {
  return keys ??= createSigningKeys({
    // Use the raw string, because Nitro would parse a secret such as 1e5 into another value.
    secret: process.env.NUXT_SCALE_SECRET || String(useRuntimeConfig().scale.secret ?? ''),
    onMissing: () => {
      if (import.meta.dev) return
      createLog('secret').warn('scale.secret is not set, so cursors are valid for this instance only and until it restarts: '
        + 'set NUXT_SCALE_SECRET where the server starts, to the same string for all instances.')
    },
  })
}

/**
 * Returns the key of the app for one purpose. Without a secret, the key is valid for this process only.
 *
 * @throws Error if the secret is too short
 */
export function signingKey(purpose: SigningPurpose): Buffer {
  return signingKeys().keyFor(purpose)
}

/**
 * Returns the key that all instances share for one purpose; undefined if there is no secret.
 *
 * @throws Error if the secret is too short
 */
export function sharedSigningKey(purpose: SigningPurpose): Buffer | undefined {
  return signingKeys().sharedKeyFor(purpose)
}
