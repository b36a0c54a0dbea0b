/** A version of RabbitMQ, as far as its behaviour differs. */
export interface ServerVersion {
  major: number
  minor: number
}

/** What a server that does not say its version is taken for: the oldest that the feature supports. */
const OLDEST: ServerVersion = { major: 3, minor: 10 }

/** Reads `3.10.8` or `4.3.0-rc.1`. */
export function parseVersion(text: string | undefined): ServerVersion {
  const match = /^(\d+)\.(\d+)/.exec(text ?? '')
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : OLDEST
}

/** True for `version` and all that came after it. */
export function isAtLeast({ major, minor }: ServerVersion, wantedMajor: number, wantedMinor = 0): boolean {
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}
