import { createHmac, randomBytes } from 'node:crypto'

/** What is signed. The word is part of each key and never changes. */
export type SigningPurpose = 'cursor' | 'read-your-writes'

/** Keys for what the module signs, all drawn from one secret. */
export interface SigningKeys {
  /** The key for one purpose. A signature made for one purpose is worthless for another. */
  keyFor: (purpose: SigningPurpose) => Buffer
  /** The same key, for what is worthless unless all instances agree on it; undefined when there is no secret. */
  sharedKeyFor: (purpose: SigningPurpose) => Buffer | undefined
}

/** Where the secret comes from. */
export interface SigningKeysOptions {
  /** `scale.secret`; empty when it is not set. */
  secret: string | undefined
  /** Called once, at the first key, when there is no secret. */
  onMissing?: () => void
}

/** Shorter ones can be guessed. */
export const LEAST_SECRET_CHARACTERS = 16

/**
 * Draws keys from the secret of the app; without one from a random secret of this process.
 *
 * @throws Error when the secret is too short
 */
export function createSigningKeys({ secret = '', onMissing }: SigningKeysOptions): SigningKeys {
  if (secret !== '' && secret.length < LEAST_SECRET_CHARACTERS) {
    throw new Error(`scale.secret (NUXT_SCALE_SECRET) has ${secret.length} characters: write at least ${LEAST_SECRET_CHARACTERS}, such as the output of "openssl rand -hex 32".`)
  }
  const keys = new Map<string, Buffer>()
  let root: string | Buffer = secret

  return {
    sharedKeyFor(purpose) {
      return secret === '' ? undefined : this.keyFor(purpose)
    },
    keyFor(purpose) {
      let key = keys.get(purpose)
      if (!key) {
        if (root === '') {
          root = randomBytes(32)
          onMissing?.()
        }
        key = createHmac('sha256', root).update(`nuxt-scale:${purpose}`).digest()
        keys.set(purpose, key)
      }
      return key
    },
  }
}
