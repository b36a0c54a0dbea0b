import { createLog } from './log'
import { useRuntimeConfig } from '../nitro'
import type { SigningKeys, SigningPurpose } from './secret'
import { createSigningKeys } from './secret'

let keys: SigningKeys | undefined

/** The keys of the app. The secret is read when the first one is asked for. */
function signingKeys(): SigningKeys {
  return keys ??= createSigningKeys({
    // The text itself, because what the configuration makes of a secret such as 1e5 is another secret.
    secret: process.env.NUXT_SCALE_SECRET || String(useRuntimeConfig().scale.secret ?? ''),
    onMissing: () => {
      if (import.meta.dev) return
      createLog('secret').warn('There is no secret, so cursors do not survive a restart and hold for this instance only: '
        + 'set NUXT_SCALE_SECRET where the server starts, to the same text for all instances.')
    },
  })
}

/**
 * The key of the app for one purpose. Without a secret it is of this process alone.
 *
 * @throws Error when the secret is too short
 */
export function signingKey(purpose: SigningPurpose): Buffer {
  return signingKeys().keyFor(purpose)
}

/**
 * The key that all instances share for one purpose; undefined when there is no secret.
 *
 * @throws Error when the secret is too short
 */
export function sharedSigningKey(purpose: SigningPurpose): Buffer | undefined {
  return signingKeys().sharedKeyFor(purpose)
}
