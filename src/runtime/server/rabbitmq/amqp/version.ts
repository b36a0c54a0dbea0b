/** Major and minor version of RabbitMQ, on which its behaviour depends. */
export interface ServerVersion {
  major: number
  minor: number
}

/** Assumed version of a server that does not report one: the oldest supported version. */
const OLDEST: ServerVersion = { major: 3, minor: 10 }

/** Parses a version such as `3.10.8` or `4.3.0-rc.1`. */
export function parseVersion(text: string | undefined): ServerVersion {
  const match = /^(\d+)\.(\d+)/.exec(text ?? '')
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : OLDEST
}

/** Whether a version is `wantedMajor.wantedMinor` or later. */
export function isAtLeast({ major, minor }: ServerVersion, wantedMajor: number, wantedMinor = 0): boolean {
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}
