import { createLog } from './log'
import { useRuntimeConfig } from './nitro'
import type { SigningKeys } from './secret'
import { createSigningKeys } from './secret'

let keys: SigningKeys | undefined

/** `scale.secret`, '' when it is not set. */
export function readSecret(): string {
  // The text itself, because what the configuration makes of a secret such as 1e5 is another secret.
  return process.env.NUXT_SCALE_SECRET || String(useRuntimeConfig().scale.secret ?? '')
}

/** The key of the app for one purpose. The secret is read when the first one is asked for. */
export function signingKey(purpose: string): Buffer {
  keys ??= createSigningKeys({
    secret: readSecret(),
    onMissing: () => {
      if (!import.meta.dev) createLog('secret').warn('There is no secret, so cursors do not survive a restart and hold for this instance only: set NUXT_SCALE_SECRET where the server starts, to the same text for all instances.')
    },
  })
  return keys.keyFor(purpose)
}
