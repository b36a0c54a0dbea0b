import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { refuseSecrets, resolveOptions } from '../../src/options'
import { requireBinary } from '../support/binaries'
import { createTemporaryDirectory } from '../support/temporary-directory'
import type { Block } from './blocks'
import { blocksOf, pages, readPage } from './blocks'
import { faultsOfShell } from './commands'
import { optionsIn } from './config'
import { typeCheck } from './type-check'

const blocks = pages.flatMap(blocksOf)
const ofLanguage = (...languages: string[]) => blocks.filter(({ language }) => languages.includes(language))
const place = ({ page, line }: { page: string, line: number }) => `${page}:${line}`

/** Blocks that are a part of a handler. Show whole files instead, which a reader can copy. */
const MOST_FRAGMENTS = 8

it('every block of code is a file with a name, and few are fragments', () => {
  const code = ofLanguage('ts', 'vue')
  expect(code.length).toBeGreaterThan(40)
  expect(code.filter(({ file, fragment }) => (file === undefined) !== fragment).map(place)).toEqual([])
  expect(code.filter(({ fragment }) => fragment).map(place).length).toBeLessThanOrEqual(MOST_FRAGMENTS)
})

it('every block of TypeScript has the types that it takes for granted', async () => {
  expect(await typeCheck(ofLanguage('ts', 'vue'))).toEqual([])
}, 400_000)

it('names of the reader that the type check declares are used', () => {
  const declared = [...readFileSync('test/fixtures/docs/reader.d.ts', 'utf8').matchAll(/^declare (?:function|const) (\w+)/gm)].map(([, name]) => name!)
  const code = ofLanguage('ts').map(({ text }) => text).join('\n')
  expect(declared.length).toBeGreaterThan(10)
  expect(declared.filter(name => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([])
})

it('every scale block is accepted by the build', () => {
  const configs = ofLanguage('ts').filter(({ file }) => file === 'nuxt.config.ts')
  expect(configs.length).toBeGreaterThan(15)
  expect(faultsIn(configs, ({ text }) => {
    refuseSecrets(resolveOptions(optionsIn(text)))
  })).toEqual([])
})

it('every shell block can be parsed, and names programs, commands, flags and variables that exist', () => {
  const shells = ofLanguage('sh')
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  expect(shells.length).toBeGreaterThan(30)
  expect(faultsIn(shells, ({ text }) => {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    const [fault] = faultsOfShell(text, Object.keys(scripts))
    if (fault !== undefined) throw new Error(fault)
  })).toEqual([])
})

it('every block of JSON, YAML and nginx can be read by its program', () => {
  expect(faultsIn(ofLanguage('json'), ({ text }) => void JSON.parse(text))).toEqual([])
  expect(faultsIn(ofLanguage('yaml'), ({ text }) => void parseYaml(text))).toEqual([])
  const directory = createTemporaryDirectory('docs-nginx')
  const configuration = join(directory.path, 'nginx.conf')
  expect(faultsIn(ofLanguage('nginx'), ({ text }) => {
    writeFileSync(configuration, `pid nginx.pid;\nevents {}\nhttp {\naccess_log off;\n${text}\n}\n`)
    const { status, stderr } = spawnSync(requireBinary('nginx'), ['-t', '-q', '-p', directory.path, '-e', 'stderr', '-c', configuration], { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
  })).toEqual([])
  directory.remove()
})

it('every block has a language that is checked here', () => {
  const others = new Set(blocks.map(({ language }) => language))
  for (const checked of ['ts', 'vue', 'sh', 'json', 'yaml', 'nginx']) others.delete(checked)
  // Text that the module prints; diagrams, which test/unit/deploy-manifests.test.ts draws; the schema and the VCL that tests run.
  expect([...others].sort()).toEqual(['', 'mermaid', 'prisma', 'text', 'vcl'])
})

it('every link of a page leads somewhere', () => {
  const known = [...pages, 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md']
  const anchors = new Map(known.map(page => [page.split('/').at(-1)!, anchorsOf(page)]))
  const broken = pages.flatMap((page) => {
    const links = [...readPage(page).matchAll(/\]\((?:docs\/content\/|\.\/)?([\w.-]*\.md)?(?:#([\w-]+))?\)/g)]
    return links.filter(([, file = page.split('/').at(-1)!, anchor]) => {
      const found = anchors.get(file)
      return !found || (anchor !== undefined && !found.includes(anchor))
    }).map(([link]) => `${page} ${link}`)
  })
  expect(broken).toEqual([])
})

/** The blocks for which `check` throws, with the reason. */
function faultsIn(checked: readonly Block[], check: (block: Block) => void): string[] {
  return checked.flatMap((block) => {
    try {
      check(block)
      return []
    }
    catch (error) {
      return [`${place(block)}: ${(error as Error).message}`]
    }
  })
}

/** The names by which headings are linked: lower case, dashes for spaces, nothing else but letters, digits and dashes. */
function anchorsOf(page: string): string[] {
  return [...readPage(page).matchAll(/^#+ (.+)$/gm)].map(([, title]) => title!.toLowerCase().replaceAll(/[^\w -]/g, '').replaceAll(' ', '-'))
}
