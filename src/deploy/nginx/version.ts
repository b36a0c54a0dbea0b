/** Version and edition of the nginx that reads the file. */
export interface NginxTarget {
  version: NginxVersion
  /** `plus`: the commercial edition, which has active health checks. */
  edition: 'oss' | 'plus'
}

/** Major, minor, patch. */
export type NginxVersion = readonly [number, number, number]

/** The oldest supported version. */
const OLDEST: NginxVersion = [1, 20, 0]

/** @throws Error that names the flag */
export function parseNginxVersion(text: string, flag: string): NginxVersion {
  const [, major, minor, patch = '0'] = /^(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?$/.exec(text) ?? []
  if (major === undefined || minor === undefined) {
    throw new TypeError(`${flag} is ${JSON.stringify(text)}: write a version of nginx, such as 1.22 or 1.28.0.`)
  }
  const version: NginxVersion = [Number(major), Number(minor), Number(patch)]
  if (!isAtLeast(version, OLDEST)) throw new TypeError(`${flag} is ${JSON.stringify(text)}: write ${OLDEST[0]}.${OLDEST[1]} or newer.`)
  return version
}

function isAtLeast(version: NginxVersion, least: NginxVersion): boolean {
  for (const [index, part] of version.entries()) {
    if (part !== least[index]) return part > least[index]!
  }
  return true
}

/** Whether the version has the directive `http2 on`. Newer versions warn about `listen … http2`. */
export function hasHttp2Directive(version: NginxVersion): boolean {
  return isAtLeast(version, [1, 25, 1])
}
