import { Document, visit } from 'yaml'

/** One YAML document. */
export interface YamlOptions {
  /** Stands above it. */
  comment?: string
  /** Objects that stand in it twice are written once and named: for programs that read YAML as it is, not for Kubernetes' tools. */
  aliases?: boolean
}

/** The text of a document. Quoting is the library's, so that no value can become more than a value. */
export function toYaml(value: unknown, { comment, aliases = false }: YamlOptions = {}): string {
  const document = new Document(value, { aliasDuplicateObjects: aliases, version: '1.1', anchorPrefix: 'shared' })
  if (comment) document.commentBefore = comment.split('\n').map(line => ` ${line}`).join('\n')
  // Documents of several lines, such as a configuration, stay readable.
  visit(document, { Scalar: (_, node) => void (typeof node.value === 'string' && node.value.includes('\n') && (node.type = 'BLOCK_LITERAL')) })
  return document.toString({ lineWidth: 0 })
}
