/**
 * Installs the programs that the tests run. Run by `npm test` before vitest;
 * prints nothing and ends at once when all of them are there.
 *
 * Arguments: the programs that are needed, by their names in `binaries.ts`; without one, all of them.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import type { BinaryRequirement } from './binaries.ts'
import { binaryRequirements, findCommand, locateBinary } from './binaries.ts'

const installTimeout = 15 * 60_000
/** What Debian's packages ask before they start their services. */
const servicePolicy = '/usr/sbin/policy-rc.d'

const wanted = process.argv.slice(2)
const unknown = wanted.find(name => !binaryRequirements.some(requirement => requirement.name === name))
if (unknown !== undefined) fail(`"${unknown}" is not in the table of test/support/binaries.ts: add a row for it.`)
const needed = wanted.length === 0 ? binaryRequirements : binaryRequirements.filter(({ name }) => wanted.includes(name))

function missingRequirements(): BinaryRequirement[] {
  return needed.filter(requirement => !locateBinary(requirement))
}

function fail(sentence: string): never {
  console.error(sentence)
  process.exit(1)
}

function installCommand(packages: string[]): string {
  return `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`
}

function runAptGet(aptGet: string, args: string[]): void {
  const result = spawnSync(aptGet, args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: installTimeout,
  })
  if (result.status !== 0) {
    const reason = result.error?.message ?? result.stderr.trim().split('\n').slice(-5).join('\n')
    fail(`"apt-get ${args.join(' ')}" failed: install what is named there by hand and run this again.\n${reason}`)
  }
}

/** The tests start servers of their own: an installation must not leave one running on a standard port. */
function forbidServices(): void {
  if (existsSync(servicePolicy)) return
  writeFileSync(servicePolicy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  process.once('exit', () => rmSync(servicePolicy, { force: true }))
}

const missing = missingRequirements()

if (missing.length > 0) {
  const packages = [...new Set(missing.map(requirement => requirement.debianPackage))]
  const names = missing.map(requirement => requirement.name).join(', ')
  const aptGet = findCommand('apt-get')
  const isRoot = process.getuid?.() === 0

  if (!aptGet || !isRoot) {
    const obstacle = aptGet ? 'only root can install them' : 'this machine has no apt-get to install them with'
    fail(`${names} ${missing.length > 1 ? 'are' : 'is'} not installed, and ${obstacle}: run "${installCommand(packages)}" as root${aptGet ? '' : ', or what your system has in its place'}, then run this again.`)
  }

  forbidServices()
  console.log('Updating the package lists')
  runAptGet(aptGet, ['update'])
  for (const debianPackage of packages) {
    console.log(`Installing ${debianPackage}`)
    runAptGet(aptGet, ['install', '-y', '--no-install-recommends', debianPackage])
  }

  const stillMissing = missingRequirements().map(requirement => requirement.name)
  if (stillMissing.length > 0) {
    fail(`The packages ${packages.join(', ')} were installed, but ${stillMissing.join(', ')} cannot be found in PATH: install the programs by hand and run this again.`)
  }
}
