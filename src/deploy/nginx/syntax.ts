/** One line of nginx's configuration, with what stands in its braces. */
export interface Directive {
  /** In a map, what is looked for. */
  name: string
  args: readonly string[]
  block?: readonly Line[]
}

/** Comments and empty lines keep a generated file readable. */
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
 * The text of a configuration. Every argument stays one argument, whatever is in it.
 *
 * @throws Error when a value holds a control character, which cannot be quoted
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
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  if (/[\u0000-\u001F\u007F]/.test(text)) throw new Error(`${JSON.stringify(text)} holds a control character, which no configuration can hold.`)
  return text
}
