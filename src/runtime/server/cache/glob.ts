/**
 * Whether `text` matches a glob by the rules of Redis (`stringmatchlen` in its util.c): `*`, `?`, `[a-z]`, `[^a]`, `\` for the next character as it is.
 * A character is a code point, where Redis compares bytes.
 * Only the last `*` is ever tried again, so the work is at most pattern × text.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let starText = 0
  while (t < text.length) {
    const code = text.codePointAt(t)!
    const step = p < pattern.length ? stepAt(pattern, p, code) : NO_STEP
    if (step === STAR) {
      star = ++p
      starText = t
    }
    else if (step > 0) {
      p += step
      t += widthOf(code)
    }
    else if (star >= 0) {
      p = star
      starText += widthOf(text.codePointAt(starText)!)
      t = starText
    }
    else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p >= pattern.length
}

/**
 * The literal parts of a glob between its wildcards: of `a?b\*[cd]` they are `a`, `b*` and an empty one.
 * What matches the glob also matches these with a `*` between each two.
 */
export function literalParts(pattern: string): string[] {
  const parts = ['']
  for (let at = 0; at < pattern.length;) {
    const character = pattern[at]!
    if (character === '*' || character === '?' || character === '[') {
      at += character === '[' ? Math.abs(classStep(pattern, at, NO_CODE)) : 1
      parts.push('')
      continue
    }
    if (character === '\\' && at + 1 < pattern.length) at++
    parts.push(parts.pop()! + pattern[at++]!)
  }
  return parts
}

const NO_CODE = -1
const NO_STEP = 0
const STAR = -1
const BACKSLASH = 92
const CLOSE = 93

/** How many UTF-16 units a code point takes. */
function widthOf(code: number): number {
  return code > 0xFFFF ? 2 : 1
}

/** How many units of the pattern the character `code` consumes at `at`; NO_STEP when it does not match. */
function stepAt(pattern: string, at: number, code: number): number {
  switch (pattern[at]) {
    case '*': return STAR
    case '?': return 1
    case '[': return Math.max(NO_STEP, classStep(pattern, at, code))
    case '\\':
      if (at + 1 < pattern.length) return pattern.codePointAt(at + 1) === code ? 1 + widthOf(code) : NO_STEP
  }
  return pattern.codePointAt(at) === code ? widthOf(code) : NO_STEP
}

/** The length of the class that begins at `open`, negative when `code` is not in it. */
function classStep(pattern: string, open: number, code: number): number {
  let at = open + 1
  const negated = pattern[at] === '^'
  if (negated) at++
  let found = false
  while (at < pattern.length && pattern.charCodeAt(at) !== CLOSE) {
    if (pattern.charCodeAt(at) === BACKSLASH && at + 1 < pattern.length) {
      const escaped = pattern.codePointAt(at + 1)!
      if (escaped === code) found = true
      at += 1 + widthOf(escaped)
      continue
    }
    const from = pattern.codePointAt(at)!
    at += widthOf(from)
    if (pattern[at] === '-' && at + 1 < pattern.length) {
      const to = pattern.codePointAt(at + 1)!
      if (code >= Math.min(from, to) && code <= Math.max(from, to)) found = true
      at += 1 + widthOf(to)
    }
    else if (from === code) {
      found = true
    }
  }
  // An unclosed class ends with the pattern, as in Redis.
  const length = Math.min(at + 1, pattern.length) - open
  return found !== negated ? length : -length
}
