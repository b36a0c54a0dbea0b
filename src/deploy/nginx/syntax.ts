/** A directive of the nginx configuration, with its block if it has one. */
export interface Directive {
  /** Name of the directive; in a map, the value to match. */
  name: string
  args: readonly string[]
  block?: readonly Line[]
}

/** A directive, a comment or an empty line. */
export type Line = Directive | { comment: string } | 'blank'

/** `name arg arg;` */
export function directive(name: string, ...args: (string | number)[]): Directive {
  return { name, args: args.map(String) }
}

/** `name arg { … }` */
export function block(name: string, args: readonly string[], lines: readonly Line[]): Directive {
  return { name, args, block: lines }
}

export function comment(text: string): Line {
  return { comment: text }
}

/**
 * Renders a configuration. Arguments are quoted, so that each stays one argument.
 *
 * @throws Error if a value contains a control character, which cannot be quoted
 */
export function renderLines(lines: readonly Line[], indent = ''): string {
  return lines.map(line => renderLine(line, indent)).join('\n')
}

function renderLine(line: Line, indent: string): string {
  if (line === 'blank') return ''
  if ('comment' in line) return `${indent}# ${plain(line.comment)}`
  const head = `${indent}${[line.name, ...line.args].map(quote).join(' ')}`
  return line.block ? `${head} {\n${renderLines(line.block, `${indent}    `)}\n${indent}}` : `${head};`
}

function quote(arg: string): string {
  if (/^[\w./:$@=*+,?!()|<>%~^[\]-]+$/.test(plain(arg))) return arg
  return `"${arg.replaceAll(/["\\]/g, '\\$&')}"`
}

function plain(text: string): string {
  // eslint-disable-next-line no-control-regex -- the expression finds control characters
  if (/[\u0000-\u001F\u007F]/.test(text)) {
    throw new Error(`${JSON.stringify(text)} contains a control character, which nginx cannot read: remove it.`)
  }
  return text
}
