/**
 * Whether `text` matches a glob by the rules of Redis: `*`, `?`, `[a-z]`, `[^a]`, and `\` to make the next character literal.
 * Redis compares bytes; this function compares Unicode code points.
 * It backtracks to the last `*` only, so the number of steps is at most the length of the pattern times the length of the text.
 *
 * @see `stringmatchlen` in util.c of Redis
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
 * Returns the literal parts of a glob between its wildcards. For `a?b\*[cd]` they are `a`, `b*` and an empty string.
 * Every string that matches the glob also matches these parts joined by `*`.
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

/** Returns the number of UTF-16 units of a code point. */
function widthOf(code: number): number {
  return code > 0xFFFF ? 2 : 1
}

/** Returns how many units of the pattern, from `at`, match the character `code`; NO_STEP when it does not match. */
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

/** Returns the length of the class that begins at `open`. It is negative when `code` is not in the class. */
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
