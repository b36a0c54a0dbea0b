/**
 * The stored form of one value: a header of fixed width, the tags with their versions, a newline and the raw payload.
 *
 * ```
 * 2j 1763859999123 1763863599123 k3v9x0aa00000012 0000204 8c1f0a2b 00025 product 1763859990000000⏎{"id":1}
 * │└ codec         │             │                │       │        └ length of the tag list
 * └ format         └ horizon     └ write id       │       └ term of the master
 *    └ end of ttl                                 └ load cost in ms
 * ```
 * The header is readable in redis-cli. It is not JSON, because parsing a JSON header reduced the throughput by a tenth.
 */
const FORMAT = 50 // '2'
const EXPIRES = 3
const HORIZON = 17
/** Offset of the write id. The lease script compares this range. */
export const WRITE_ID_START = 31
export const WRITE_ID_LENGTH = 16
const COST = 48
const TERM = 56
const TERM_LENGTH = 8
const TAGS_LENGTH = 65
const TAGS = 70
/** Maximum length of the tag list of an entry, in characters. Each tag is stored with its version and two spaces. */
export const LONGEST_TAG_LIST = 99_999
/** Characters that each tag takes in addition to its length: the 16 digits of its version (a Redis TIME in µs) and two spaces. */
const TAG_OVERHEAD = 18

export interface EntryHeader {
  codec: string
  /** End of the ttl (logical expiry), in ms since 1970. */
  expires: number
  /** Stale horizon in ms since 1970: the value must not be served after it, and Redis deletes the entry then. */
  horizon: number
  /** Id of the load that wrote the entry: {@link WRITE_ID_LENGTH} characters. */
  writeId: string
  /** Duration of the load in ms, for XFetch. */
  cost: number
  /** Id of the master's term in which the load began: {@link TERM_LENGTH} characters. */
  term: string
  tags: readonly string[]
  /** The version that each tag had before the load. */
  versions: readonly string[]
}

export interface Entry extends EntryHeader {
  /** The whole stored value; the payload begins at {@link payloadStart}. */
  bytes: Buffer
  payloadStart: number
}

const NO_TAGS: readonly string[] = Object.freeze([])

/**
 * Encodes an entry to its stored form.
 *
 * @returns a string for a string payload, because it is faster to send, otherwise bytes
 * @throws TypeError when the tag list exceeds {@link LONGEST_TAG_LIST}
 */
export function encodeEntry(header: EntryHeader, payload: string | Uint8Array): string | Buffer {
  let tags = ''
  for (let index = 0; index < header.tags.length; index++) tags += ` ${header.tags[index]} ${header.versions[index]}`
  if (tags.length > LONGEST_TAG_LIST) throw tagListError(header.tags.length, tags.length)
  const head = `2${header.codec} ${digits(header.expires, 13)} ${digits(header.horizon, 13)} ${header.writeId} `
    + `${digits(header.cost, 7)} ${header.term} ${digits(tags.length, 5)}${tags}\n`
  return typeof payload === 'string' ? head + payload : Buffer.concat([Buffer.from(head, 'latin1'), payload])
}

/**
 * Rejects tags that do not fit into the header. It runs before the load.
 *
 * @param tags encoded, with their scope
 * @throws TypeError that names the limit
 */
export function checkTagList(tags: readonly string[]): void {
  let length = 0
  for (const tag of tags) length += tag.length + TAG_OVERHEAD
  if (length > LONGEST_TAG_LIST) throw tagListError(tags.length, length)
}

function tagListError(count: number, length: number): TypeError {
  return new TypeError(`The ${count} tags of a cache entry take ${length} characters, and ${LONGEST_TAG_LIST} is the limit: `
    + `use fewer or shorter tags. Each tag takes its length plus ${TAG_OVERHEAD} characters.`)
}

/** Decodes a stored entry. Returns undefined for a value in another format, which the caller treats as a miss. */
export function decodeEntry(bytes: Buffer): Entry | undefined {
  if (bytes.length <= TAGS || bytes[0] !== FORMAT) return undefined
  const tagsLength = readDigits(bytes, TAGS_LENGTH, 5)
  const payloadStart = TAGS + tagsLength + 1
  const expires = readDigits(bytes, EXPIRES, 13)
  const horizon = readDigits(bytes, HORIZON, 13)
  if (!(expires >= 0 && horizon >= 0 && payloadStart <= bytes.length)) return undefined
  let tags = NO_TAGS
  let versions = NO_TAGS
  if (tagsLength > 0) {
    const words = bytes.toString('latin1', TAGS + 1, TAGS + tagsLength).split(' ')
    tags = words.filter((_, index) => index % 2 === 0)
    versions = words.filter((_, index) => index % 2 === 1)
  }
  return {
    codec: String.fromCharCode(bytes[1]!),
    expires,
    horizon,
    writeId: bytes.toString('latin1', WRITE_ID_START, WRITE_ID_START + WRITE_ID_LENGTH),
    cost: readDigits(bytes, COST, 7),
    term: bytes.toString('latin1', TERM, TERM + TERM_LENGTH),
    tags,
    versions,
    bytes,
    payloadStart,
  }
}

/** Writes a number with a fixed count of digits. A number that does not fit becomes the largest one that does. */
function digits(value: number, width: number): string {
  return String(Math.min(10 ** width - 1, Math.max(0, Math.round(value)))).padStart(width, '0')
}

/** Reads a number of `width` ASCII digits. Returns NaN when a byte is not a digit. */
function readDigits(bytes: Buffer, start: number, width: number): number {
  let value = 0
  for (let at = start; at < start + width; at++) {
    const digit = bytes[at]! - 48
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    value = value * 10 + digit
  }
  return value
}
