import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { STAGES } from '../../src/runtime/server/request/handler-chain'

const root = fileURLToPath(new URL('../..', import.meta.url))
const files = globSync('src/**/*.ts', { cwd: root }).sort()
const known = new Set(files)
const sources = new Map(files.map(file => [file, readFileSync(join(root, file), 'utf8')]))
const imports = new Map(files.map(file => [file, importsOf(file)]))

/** Files of the project that a file imports, type-only imports included. */
function importsOf(file: string): string[] {
  const specifiers = sources.get(file)!.matchAll(/\b(?:from|import)\s*(?:\(\s*)?'(\.[^']+)'/g)
  return [...specifiers].flatMap(([, specifier]) => {
    const path = join(dirname(file), specifier!)
    return [path, `${path}.ts`, `${path}/index.ts`].filter(candidate => known.has(candidate)).slice(0, 1)
  })
}

/** The statements of a file. */
function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, sources.get(file)!, ts.ScriptTarget.Latest, true)
}

/** Names that a file declares and exports. Default exports and re-exports have no name of their own. */
function exportedNames(file: string): string[] {
  return parse(file).statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) ?? [] : []
    const isExported = modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
    if (!isExported || modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)) return []
    if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map(({ name }) => name.getText())
    const { name } = statement as ts.DeclarationStatement
    return name ? [name.getText()] : []
  })
}

/** Functions of a file that have more than `most` lines, as `file:line (lines)`. */
function longFunctions(file: string, most: number): string[] {
  const source = parse(file)
  const found: string[] = []
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line
  const walk = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const first = lineOf(node.getStart())
      const lines = lineOf(node.end) - first + 1
      if (lines > most) found.push(`${file}:${first + 1} (${lines})`)
    }
    ts.forEachChild(node, walk)
  }
  walk(source)
  return found
}

/** The floor of a file. A file imports from its own floor and from those below. */
function floorOf(file: string): number {
  const floors = [
    /^src\/runtime\/server\/(?:nitro\.ts|core\/)/,
    /^src\/runtime\/server\/request\//,
    /^src\/runtime\/server\/redis\//,
    /^src\/runtime\/server\/cache\//,
    /^src\/runtime\//,
    /^src\/(?:options|config|prisma)\.ts|^src\/(?:deploy|reshard)\//,
    /^src\/build\//,
    /^src\/(?:cli|module)/,
  ]
  return floors.findIndex(floor => floor.test(file))
}

/** Circles of imports, each as the path that leads back to its beginning. */
function findCircles(): string[] {
  const done = new Set<string>()
  const circles: string[] = []
  const walk = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file)
    if (start >= 0) circles.push([...path.slice(start), file].join(' → '))
    if (start >= 0 || done.has(file)) return
    for (const next of imports.get(file)!) walk(next, [...path, file])
    done.add(file)
  }
  for (const file of files) walk(file, [])
  return circles
}

describe('the layout of src', () => {
  it('has a floor for each file, and reads its imports', () => {
    expect(files.filter(file => floorOf(file) < 0)).toEqual([])
    expect([...imports.values()].flat().length).toBeGreaterThan(1000)
  })

  it('has one loose file on the server, the bridge to Nitro', () => {
    expect(files.filter(file => /^src\/runtime\/server\/[^/]+$/.test(file))).toEqual(['src/runtime/server/nitro.ts'])
  })

  it('has no circle of imports, type-only imports included', () => {
    expect(findCircles()).toEqual([])
  })

  it('has no import from a lower floor to a higher one', () => {
    const upwards = files.flatMap(file => imports.get(file)!.filter(other => floorOf(other) > floorOf(file)).map(other => `${file} → ${other}`))
    expect(upwards).toEqual([])
  })

  it('imports nitropack and h3 at run time in the bridge alone', () => {
    const importing = /^(?:import|export) (?!type |const )[^;\n]*? from '(?:nitropack|h3)(?:\/[^']*)?'/m
    expect(files.filter(file => file.startsWith('src/runtime/') && importing.test(sources.get(file)!))).toEqual(['src/runtime/server/nitro.ts'])
  })

  it('is shown in the documentation with the stages of a request in their order', () => {
    const page = readFileSync(join(root, 'docs/content/26.architecture.md'), 'utf8')
    expect([...page.matchAll(/^\d+\. `([\w-]+)` \(/gm)].map(([, stage]) => stage)).toEqual([...STAGES])
  })

  it('has no line of more than 140 characters', () => {
    const long = files.flatMap(file => sources.get(file)!.split('\n').flatMap((line, index) => line.length > 140 ? [`${file}:${index + 1}`] : []))
    expect(long).toEqual([])
  })

  it('has at most 12 files of 15 lines or fewer, so that each file is a concept of its own', () => {
    const short = files.filter(file => sources.get(file)!.trimEnd().split('\n').length <= 15)
    expect(short.length, short.join('\n')).toBeLessThanOrEqual(12)
  })

  it('exports each name from one file', () => {
    const homes = new Map<string, string[]>()
    for (const file of files) {
      for (const name of new Set(exportedNames(file))) homes.set(name, [...homes.get(name) ?? [], file])
    }
    expect(homes.size).toBeGreaterThan(1000)
    expect([...homes].filter(([, owners]) => owners.length > 1)).toEqual([])
  })

  it('has no function of more than 80 lines', () => {
    expect(files.flatMap(file => longFunctions(file, 80))).toEqual([])
  })
})
