import { Document, visit } from 'yaml'

/** Options of a YAML document. */
export interface YamlOptions {
  /** Comment above the document. */
  comment?: string
  /** Whether repeated objects are written once and referenced by YAML aliases. Compose supports aliases; tools of Kubernetes may not. */
  aliases?: boolean
}

/** Renders a YAML document. The library quotes all values, so that a value cannot change the structure. */
export function toYaml(value: unknown, { comment, aliases = false }: YamlOptions = {}): string {
  const document = new Document(value, { aliasDuplicateObjects: aliases, version: '1.1', anchorPrefix: 'shared' })
  if (comment) document.commentBefore = comment.split('\n').map(line => ` ${line}`).join('\n')
  // Write strings with several lines, such as configuration files, as readable blocks.
  visit(
    document,
    { Scalar: (_, node) => void (typeof node.value === 'string' && node.value.includes('\n') && (node.type = 'BLOCK_LITERAL')) },
  )
  return document.toString({ lineWidth: 0 })
}
