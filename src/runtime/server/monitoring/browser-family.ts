/** Families by their mark in the user agent. The order matters, because most browsers also name others. */
const FAMILIES: [family: string, mark: RegExp][] = [
  ['edge', /\bEdg/],
  ['opera', /\bOPR\//],
  ['firefox', /\b(?:Firefox|FxiOS)\//],
  ['chrome', /\b(?:Chrome|Chromium|CriOS|HeadlessChrome)\//],
  ['safari', /\bSafari\//],
]

/** Returns the family of a browser from its user agent: `chrome`, `edge`, `firefox`, `safari`, `opera` or `other`. */
export function browserFamily(userAgent: string | undefined): string {
  return FAMILIES.find(([, mark]) => mark.test(userAgent ?? ''))?.[0] ?? 'other'
}
