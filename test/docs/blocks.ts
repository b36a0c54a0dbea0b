import { readFileSync, readdirSync } from 'node:fs'

/** One code block of the documentation. */
export interface Block {
  /** The file that holds it, relative to the repository. */
  page: string
  /** The line of its fence, from 1. */
  line: number
  /** The language of the fence; empty without one. */
  language: string
  /** The file that it shows: `[server/api/x.ts]` in the fence, or `// server/api/x.ts` above its lines. */
  file?: string
  /** Whether the fence says `fragment`: some statements of a handler, and not a whole file. */
  fragment: boolean
  text: string
}

const content = 'docs/content'

/** README and every page of `docs/content`. */
export const pages: readonly string[] = ['README.md', ...readdirSync(content).filter(name => name.endsWith('.md')).sort().map(name => `${content}/${name}`)]

/** The text of a page. */
export const readPage = (page: string): string => readFileSync(page, 'utf8')

/** The code blocks of a page. A block that names several files, each in a comment of its own, is several blocks. */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = []
  let open: { indent: string, fence: string, line: number, lines: string[] } | undefined
  for (const [index, line] of readPage(page).split('\n').entries()) {
    const fence = /^(\s*)```(.*)$/.exec(line)
    if (open && fence && fence[2]!.trim() === '') {
      blocks.push(...filesIn(page, open))
      open = undefined
    }
    else if (open) open.lines.push(line.slice(open.indent.length))
    else if (fence) open = { indent: fence[1]!, fence: fence[2]!, line: index + 1, lines: [] }
  }
  if (open) throw new Error(`${page}:${open.line} opens a code block that nothing closes.`)
  return blocks
}

function filesIn(page: string, { fence, line, lines }: { fence: string, line: number, lines: string[] }): Block[] {
  const [language = ''] = fence.split(/[\s[]/)
  const common = { page, language, fragment: /\sfragment\b/.test(fence) }
  const file = /\[([^\n]+)\]\s*$/.exec(fence)?.[1]
  if (file !== undefined) return [{ ...common, line, file, text: lines.join('\n') }]
  const blocks: Block[] = []
  for (const [index, text] of lines.entries()) {
    const named = /^\/\/ ((?:[\w.[\]-]+\/)*[\w.[\]-]+\.(?:ts|vue))$/.exec(text)?.[1]
    if (named !== undefined) blocks.push({ ...common, line: line + index, file: named, text: '' })
    else if (blocks.length === 0) blocks.push({ ...common, line, text })
    else blocks.at(-1)!.text += `\n${text}`
  }
  return blocks
}
