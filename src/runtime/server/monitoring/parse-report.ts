import type { StackFrame } from '../../app/parse-stack'
import { LONGEST_NAME, MOST_FRAMES } from '../../app/parse-stack'
import { LONGEST_MESSAGE, redactMessage, redactUrl } from '../../app/redact'
import type { Report, ReportedEvent } from '../../app/report'
import { MOST_EVENTS } from '../../app/report'

/** Checks one value. It returns the value to keep, which is redacted, or undefined if the value is wrong. */
type Check<Value> = (value: unknown) => Value | undefined
type Checks = Record<string, Check<unknown>>

const LONGEST_ROUTE = 200
/** Most milliseconds of a duration: one hour. */
const LONGEST_TIME = 3_600_000
const MOST_OCCURRENCES = 10_000
/** Characters that only attacks put into names: control characters, and characters that change the writing direction. */
// eslint-disable-next-line no-control-regex -- the expression finds control characters
const UNPRINTABLE = /[\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]/g

const time = numberUpTo(LONGEST_TIME)
const name = matching(/^[\w$.<>:[\] -]{0,100}$/)
const route: Check<string> = value => isRoute(value) ? value : undefined

const EVENTS: Record<ReportedEvent['type'], Checks> = {
  error: {
    kind: oneOf('error', 'rejection', 'vue', 'chunk'),
    name,
    message: value => typeof value === 'string' && value.length <= LONGEST_MESSAGE ? redactMessage(printable(value)) : undefined,
    frames: parseFrames,
    route,
    component: name,
    count: value => Number.isInteger(value) && value as number >= 1 && value as number <= MOST_OCCURRENCES ? value : undefined,
  },
  vital: {
    name: oneOf('LCP', 'FCP', 'TTFB', 'INP', 'CLS'),
    value: time,
    route,
    navigation: oneOf(
      'navigate', 'reload', 'back-forward', 'back-forward-cache', 'prerender', 'restore', 'soft-navigation',
    ),
  },
  navigation: { route, dns: time, connect: time, request: time, response: time, interactive: time, load: time },
  resource: {
    route,
    initiator: matching(/^[a-z-]{1,30}$/),
    path: value => typeof value === 'string' && value.length <= LONGEST_NAME ? redactMessage(printable(redactUrl(value))) : undefined,
    duration: time,
  },
}

/**
 * Parses the body of a message of the client plugins. It refuses unknown fields, wrong types and values out of bounds. It redacts the
 * strings again, because anyone can send a message.
 *
 * @returns undefined if anything is wrong
 */
export function parseReport(body: unknown): Report | undefined {
  if (!hasExactly(body, ['build', 'release', 'events'])) return undefined
  const { build, release, events } = body
  if (typeof build !== 'string' || !/^[\w.-]{0,100}$/.test(build)) return undefined
  if (typeof release !== 'string' || !/^[\w.+/@-]{0,100}$/.test(release)) return undefined
  if (!Array.isArray(events) || events.length === 0 || events.length > MOST_EVENTS) return undefined
  const parsed = events.map(parseEvent)
  return parsed.every(event => event !== undefined) ? { build, release, events: parsed } : undefined
}

function parseEvent(event: unknown): ReportedEvent | undefined {
  if (typeof event !== 'object' || event === null) return undefined
  const { type } = event as { type?: unknown }
  const checks = typeof type === 'string' && Object.hasOwn(EVENTS, type) ? EVENTS[type as ReportedEvent['type']] : undefined
  if (!checks || !hasExactly(event, ['type', ...Object.keys(checks)])) return undefined
  const parsed: Record<string, unknown> = { type }
  for (const [key, check] of Object.entries(checks)) {
    parsed[key] = check(event[key])
    if (parsed[key] === undefined) return undefined
  }
  return parsed as unknown as ReportedEvent
}

function parseFrames(value: unknown): StackFrame[] | undefined {
  if (!Array.isArray(value) || value.length > MOST_FRAMES) return undefined
  const frames = value.map(parseFrame)
  return frames.every(frame => frame !== undefined) ? frames : undefined
}

function parseFrame(frame: unknown): StackFrame | undefined {
  if (!Array.isArray(frame) || frame.length !== 4) return undefined
  const [name, file, line, column] = frame as unknown[]
  const isPosition = [line, column].every(number => Number.isInteger(number) && number as number >= 0 && number as number < 10_000_000)
  if (!isPosition || ![name, file].every(text => typeof text === 'string' && text.length <= LONGEST_NAME)) return undefined
  return [redactMessage(printable(name as string)), printable(redactUrl(file as string)), line as number, column as number]
}

/** Replaces each character that a terminal or a log could interpret. */
function printable(text: string): string {
  return text.replace(UNPRINTABLE, ' ')
}

function isRoute(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > LONGEST_ROUTE) return false
  return /^(?:\/[^\s?#@"\\]*|_other)$/.test(value) && printable(value) === value
}

function hasExactly(value: unknown, keys: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.keys(value).length === keys.length && keys.every(key => Object.hasOwn(value, key))
}

function oneOf(...choices: string[]): Check<string> {
  return value => choices.find(choice => choice === value)
}

function matching(pattern: RegExp): Check<string> {
  return value => typeof value === 'string' && pattern.test(value) ? value : undefined
}

function numberUpTo(most: number): Check<number> {
  return value => typeof value === 'number' && value >= 0 && value <= most ? value : undefined
}
