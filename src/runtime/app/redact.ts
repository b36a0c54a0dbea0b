/** Redaction of everything that leaves the browser. The server redacts again, because it does not trust its input. */

/** Longest message of an error in characters. */
export const LONGEST_MESSAGE = 300

/** An address or a path: an optional scheme, then a slash. */
const ADDRESS = /(?:[a-z][\w+.-]{0,30}:)?\/[^\s"'`()<>]*/gi

/** Removes host, query and fragment of an address, and keeps its path and a position such as `:1:20`. */
export function redactUrl(url: string): string {
  const position = /(?::\d+){1,2}$/.exec(url)?.[0] ?? ''
  const path = url.slice(0, url.length - position.length).replace(/[?#].*$/s, '').replace(/^(?:[a-z][\w+.-]*:)?\/\/[^/]*/i, '')
  return path + position
}

/**
 * Removes personal data and secrets from a message: hosts and queries of addresses, e-mail addresses, IP addresses, tokens, values of
 * secret names, and long numbers. All patterns are bounded, so the time is linear in the length of the message.
 */
export function redactMessage(message: string): string {
  return message.slice(0, LONGEST_MESSAGE * 4)
    .replace(/\bdata:[^\s"']+/gi, 'data:')
    .replace(ADDRESS, redactUrl)
    .replace(/[\w.!#$%&*+=^{|}~-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+/g, '[email]')
    .replace(/\b(bearer|basic) +[\w.~+/=-]+/gi, '$1 [secret]')
    .replace(/\bcookies?["']?\s{0,3}[:=].*/gi, 'cookie=[secret]')
    .replace(
      /\b([\w-]{0,20}(?:token|passw(?:or)?d|secret|api[-_]?key|session|auth))(["']?\s{0,3}[:=]\s{0,3})(?:"[^"]*"|'[^']*'|[^\s,;&]+)/gi,
      '$1$2[secret]',
    )
    .replace(/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?|\b(?=[a-z_-]*\d)[\w-]{32,}\b/gi, '[token]')
    .replace(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, '[ip]')
    .replace(/\+?\d(?:[ ./-]?\d){8,}/g, '[number]')
    .slice(0, LONGEST_MESSAGE)
}
