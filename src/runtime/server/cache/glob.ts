/**
 * Whether `text` matches a glob by the rules of Redis (`stringmatchlen` in its util.c): `*`, `?`, `[a-z]`, `[^a]`, `\` for the next character as it is.
 * L1 must decide as SCAN MATCH does, or a pattern would invalidate different keys in memory and in Redis.
 * Only the last `*` is ever tried again, so the work is at most pattern × text.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let starText = 0
  while (t < text.length) {
    const step = p < pattern.length ? stepAt(pattern, p, text.charCodeAt(t)) : NO_STEP
    if (step === STAR) {
      star = ++p
      starText = t
    }
    else if (step > 0) {
      p += step
      t++
    }
    else if (star >= 0) {
      p = star
      t = ++starText
    }
    else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p >= pattern.length
}

const NO_STEP = 0
const STAR = -1
const BACKSLASH = 92
const CLOSE = 93

/** How many characters of the pattern the character `code` consumes at `at`; NO_STEP when it does not match. */
function stepAt(pattern: string, at: number, code: number): number {
  switch (pattern[at]) {
    case '*': return STAR
    case '?': return 1
    case '[': return classStep(pattern, at, code)
    case '\\':
      if (at + 1 < pattern.length) return pattern.charCodeAt(at + 1) === code ? 2 : NO_STEP
  }
  return pattern.charCodeAt(at) === code ? 1 : NO_STEP
}

function classStep(pattern: string, open: number, code: number): number {
  let at = open + 1
  const negated = pattern[at] === '^'
  if (negated) at++
  let found = false
  for (; at < pattern.length && pattern.charCodeAt(at) !== CLOSE; at++) {
    if (pattern.charCodeAt(at) === BACKSLASH && at + 1 < pattern.length) {
      at++
      if (pattern.charCodeAt(at) === code) found = true
    }
    else if (pattern[at + 1] === '-' && at + 2 < pattern.length) {
      const from = pattern.charCodeAt(at)
      const to = pattern.charCodeAt(at + 2)
      if (code >= Math.min(from, to) && code <= Math.max(from, to)) found = true
      at += 2
    }
    else if (pattern.charCodeAt(at) === code) {
      found = true
    }
  }
  // An unclosed class ends with the pattern, as in Redis.
  const length = Math.min(at + 1, pattern.length) - open
  return found !== negated ? length : NO_STEP
}
