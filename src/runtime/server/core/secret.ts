import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** The purpose of a signature. Each key is derived from the name of its purpose, so the names never change. */
export type SigningPurpose = 'cursor' | 'read-your-writes'

/** Signing keys, all derived from one secret. */
export interface SigningKeys {
  /** Returns the key for a purpose. A signature for one purpose is not valid for another. */
  keyFor: (purpose: SigningPurpose) => Buffer
  /** Returns the same key, for signatures that all instances must accept; undefined if there is no secret. */
  sharedKeyFor: (purpose: SigningPurpose) => Buffer | undefined
}

/** Options of {@link createSigningKeys}. */
export interface SigningKeysOptions {
  /** `scale.secret`; empty if it is not set. */
  secret: string | undefined
  /** Called once, with the first key, if there is no secret. */
  onMissing?: () => void
}

/** Minimum length of the secret. A shorter one could be guessed. */
export const LEAST_SECRET_CHARACTERS = 16

/**
 * Derives keys from the secret of the app. Without a secret, it uses a random secret of this process.
 *
 * @throws Error when the secret is too short
 */
export function createSigningKeys({ secret = '', onMissing }: SigningKeysOptions): SigningKeys {
  if (secret !== '' && secret.length < LEAST_SECRET_CHARACTERS) {
    throw new Error(
      `scale.secret (NUXT_SCALE_SECRET) has ${secret.length} characters: `
      + `write at least ${LEAST_SECRET_CHARACTERS}, such as the output of "openssl rand -hex 32".`,
    )
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

/** Returns whether an `Authorization` header contains a bearer token. The time does not depend on the part that is right. */
export function matchesToken(authorization: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${token}`))
}
