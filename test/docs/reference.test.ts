import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import packageJson from '../../package.json'
import { mainCommand } from '../../src/cli/run'
import type { ScaleCommand } from '../../src/cli/support/command'
import { pages, readPage } from './blocks'
import { isKnownVariable } from './commands'
import { optionVariables, rowOf } from './environment'

const all = pages.map(readPage).join('\n')

/** The rows of the tables of a page whose first columns have these titles. */
function rowsOf(page: string, ...head: string[]): string[][] {
  const rows: string[][] = []
  let inside = false
  for (const line of readPage(page).split('\n')) {
    if (!line.startsWith('|')) inside = false
    const cells = line.split(/(?<!\\)\|/).slice(1, -1).map(cell => cell.trim())
    if (inside && !/^-+$/.test(cells[0]!)) rows.push(cells)
    if (head.every((title, index) => cells[index] === title)) inside = true
  }
  return rows
}

const quoted = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!)

it('the page of the environment has every variable of an option, with its default, and no other', () => {
  const rows = rowsOf('docs/content/7.environment.md', 'variable', 'option', 'default').map(cells => `| ${cells.join(' | ')} |`)
  const expected = optionVariables().map(rowOf)
  expect(expected.length).toBeGreaterThan(100)
  // What is missing is a row to add as it is printed here.
  expect(expected.filter(row => !rows.includes(row))).toEqual([])
  expect(rows.filter(row => !expected.includes(row))).toEqual([])
})

it('no page names a variable that nothing reads', () => {
  const named = [...new Set([...all.matchAll(/\bNUXT_SCALE_[A-Z0-9_]*[A-Z0-9]\b(?![_*<])/g)].map(([name]) => name))]
  expect(named.length).toBeGreaterThan(60)
  expect(named.filter(name => !isKnownVariable(name) && name !== 'NUXT_SCALE')).toEqual([])
  // A group of variables, such as NUXT_SCALE_REDIS_*, has one at least.
  const groups = [...new Set([...all.matchAll(/\bNUXT_SCALE_[A-Z0-9_]*_(?=\*)/g)].map(([name]) => name))]
  expect(groups.filter(group => !optionVariables().some(({ name }) => name.startsWith(group)))).toEqual([])
})

it('the page of the command line has every flag of every command, and no other', () => {
  const documented = new Map<string, string[]>()
  for (const [flags, commands] of rowsOf('docs/content/13.cli.md', 'option', 'commands', 'meaning', 'default')) {
    for (const command of quoted(commands!)) documented.set(command, [...documented.get(command) ?? [], ...quoted(flags!)])
  }
  const common = quoted(rowsOf('docs/content/13.cli.md', 'option of every command').map(([flags]) => flags!).join(' '))
  const commands = leavesOf(mainCommand, '')
  expect(commands.length).toBeGreaterThan(15)
  for (const [path, { args = {} }] of commands) {
    const own = Object.keys(args).map(name => `--${name}`).filter(flag => !common.includes(flag))
    expect([path, (documented.get(path) ?? []).toSorted()]).toEqual([path, own.toSorted()])
    documented.delete(path)
  }
  expect([...documented.keys()]).toEqual([])
  expect(common.toSorted()).toEqual(['--cwd', '--debug', '--help', '--json', '--version'])
})

it('names the versions of Node that the package supports, and the Vite that builds', () => {
  const mentioned = [...all.matchAll(/Node `([^`]+)`/g)].map(([, range]) => range)
  expect(mentioned.length).toBeGreaterThanOrEqual(2)
  expect([...new Set(mentioned)]).toEqual([packageJson.engines.node])
  expect(all.match(/.*Node (?:18|2\d).*/g)).toBeNull()
  const { version } = JSON.parse(readFileSync('node_modules/vite/package.json', 'utf8')) as { version: string }
  expect(all).toContain(`"vite": "${version}"`)
})

function leavesOf(command: ScaleCommand, path: string): [string, ScaleCommand][] {
  if (!command.subCommands) return [[path, command]]
  return Object.entries(command.subCommands).flatMap(([name, next]) => leavesOf(next, `${path} ${name}`.trim()))
}
