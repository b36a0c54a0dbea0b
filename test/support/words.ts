import { globSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { exceptions } from './words-exceptions.ts'

/** A sentence that breaks a rule of how this project is written. */
export interface Finding {
  file: string
  line: number
  rule: string
  sentence: string
}

const LONGEST_SENTENCE = 25
const root = fileURLToPath(new URL('../..', import.meta.url))

/** What is not written, and what is written instead. */
const rules: [pattern: RegExp, instead: string][] = [
  [/\brooms?\b/i, 'feature, or space'],
  [/(?<!there )\b(?:is|are|was|were|be) no (?!longer|more\b|less\b|later|older|bigger|larger|newer|shorter|fewer)/i, 'is not a, must be a, there is no'],
  [/\b(?:is|no|a|as|of|than) texts?\b/i, 'string'],
  [/\bmend(?:s|ed|ing)?\b/i, 'fix'],
  [/\b(?:bears?|bore|bearing)\b/i, 'include, contain'],
  [/\bat rest\b|\b(?:that|which|they) rests?\b/i, 'idle'],
  [/\b(?:somebody|anybody|everybody|nobody)(?:'s)?\b/i, 'process, instance, caller, client: name it'],
  [/\bwho(?:ever)? (?:asks?|asked|waits?|waited|wrote|writes|reads)\b/i, 'request, caller'],
  [/\bill\b|\bamiss\b/i, 'unhealthy, failing'],
  [/\bdear(?:er|est)?\b/i, 'expensive, slow'],
  [/\btold to (?:end|stop)\b|\b(?:an|its|their) end\b(?! of\b)|\b(?:process|server|instance|app|worker)s? ends?\b/i, 'stops, shuts down'],
  [/\bheed(?:s|ed|ing)?\b/i, 'respects'],
  [/\bstands?\b|\bstood\b/i, 'is stored, appears, is defined'],
  [/\bnews\b|\b(?:its|their|a|no) word\b/i, 'message, notification'],
  [/\bdeaf\b|\bhears?\b|\bheard\b/i, 'misses messages, receives'],
  [/\bflights?\b(?!\.)|\bjourneys?\b/i, 'load'],
  [/\bonce more\b/i, 'again, retry'],
  [/\bwhat is left\b/i, 'the remaining time, the rest'],
  [/\bwhat is written there\b/i, 'option, setting'],
  [/\bdead letters? lies?\b/i, 'dead-letter queue'],
  [/\b(?:we|our|ours|us)\b/, 'the module, nuxt-scale'],
  [/^(?:What|Who|Whoever|Whichever|That (?:there|a|an|the|no))\b(?!.*[?:]$)/, 'no subject clause: name the thing'],
]

/** Prose of one place of a file. */
interface Passage { text: string, line: number }

/** Sentences of Markdown, without code, front matter and addresses. A row of a table has one sentence or more in each cell. */
function passagesOfMarkdown(text: string): Passage[] {
  let fence: string | undefined
  const prose = text.replace(/^---\n[\s\S]*?\n---\n/, matter => matter.replace(/[^\n]/g, '')).split('\n').map((line) => {
    const mark = /^ *(`{3}|~{3})/.exec(line)?.[1]
    if (fence === undefined && mark === undefined) return line
    fence = fence === undefined ? mark : mark === fence ? undefined : fence
    return ''
  })
  return prose.flatMap((line, index) => line.split(/(?<!\\)\|/).map(cell => ({ text: cell.replace(/^[\s>#*:-]+|^\s*\d+\.\s/g, ''), line: index + 1 })))
}

/** Comments of TypeScript, and its strings of several words. */
function passagesOfTypeScript(text: string, file: string): Passage[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const passages: Passage[] = []
  const add = (prose: string, position: number) => passages.push({ text: prose, line: source.getLineAndCharacterOfPosition(position).line + 1 })
  const seen = new Set<number>()
  const visit = (node: ts.Node): void => {
    for (const comment of ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []) {
      if (seen.has(comment.pos)) continue
      seen.add(comment.pos)
      const lines = text.slice(comment.pos, comment.end).replace(/^\/\*+|\*\/$|^\/\//g, '').replace(/^\s*\*/gm, '').split(/\n\s*(?=@)|\n\s*\n/)
      for (const part of lines) add(part.replace(/^\s*@(?:param|throws|returns|default|see|env) ?(?:[\w.[\]]+ )?/, '').replace(/\s+/g, ' '), comment.pos)
    }
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) add(/\w \w/.test(node.text) ? node.text : '', node.getStart())
    else if (ts.isTemplateExpression(node)) add(node.head.text + node.templateSpans.map(span => `\`x\`${span.literal.text}`).join(''), node.getStart())
    ts.forEachChild(node, visit)
  }
  visit(source)
  return passages
}

/** Findings of one file. */
export function checkWords(file: string): Finding[] {
  const text = readFileSync(new URL(file, `file://${root}/`), 'utf8')
  const isMarkdown = file.endsWith('.md')
  const passages = isMarkdown ? passagesOfMarkdown(text) : passagesOfTypeScript(text, file)
  const findings: Finding[] = []
  for (const { text: passage, line } of passages) {
    const prose = passage.replace(/`[^`]*`/g, 'x').replace(/\]\([^)]*\)|https?:\S+/g, ']')
    for (const sentence of prose.split(/(?<=[.!?])\s+/).map(part => part.trim())) {
      for (const [pattern, instead] of rules) {
        if (pattern.test(sentence)) findings.push({ file, line, rule: `${pattern.source.slice(0, 40)} → ${instead}`, sentence })
      }
      const words = sentence.split(/\s+/).filter(word => /\w/.test(word)).length
      if (isMarkdown && words > LONGEST_SENTENCE) findings.push({ file, line, rule: `${words} words, at most ${LONGEST_SENTENCE}`, sentence })
    }
  }
  return findings.filter(({ sentence }) => !exceptions.some(exception => file.startsWith(exception.file) && sentence.includes(exception.sentence)))
}

/** Files that are written for people: the documentation, the sources, and what a user copies from. */
export function wordFiles(folders: string[] = ['README.md', 'docs', 'src', 'playground', 'demo']): string[] {
  return folders.flatMap(folder => /\.\w+$/.test(folder) ? [folder] : globSync(`${folder}/**/*.{md,ts}`, { cwd: root }))
    .filter(file => !/node_modules|\.nuxt|\.output|generated|\.d\.ts$/.test(file)).map(file => relative(root, `${root}/${file}`)).sort()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const findings = wordFiles(process.argv.length > 2 ? process.argv.slice(2) : undefined).flatMap(checkWords)
  for (const { file, line, rule, sentence } of findings) process.stdout.write(`${file}:${line} [${rule}]\n    ${sentence}\n`)
  process.stdout.write(`${findings.length} findings\n`)
}
