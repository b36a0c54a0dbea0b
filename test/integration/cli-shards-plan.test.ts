import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import type { PlanReport, StatusReport } from '../../src/cli/shards/report'
import { advanceMove, startMoves } from '../../src/runtime/server/shards/moves'
import { planShards } from '../../src/runtime/server/shards/plan'
import { firstSlotMap } from '../../src/runtime/server/shards/slot-map'
import { parseSlotMap, serializeSlotMap } from '../../src/runtime/server/shards/stored-map'
import type { CliApp } from '../support/cli'
import { createCliApp } from '../support/cli'

const apps: CliApp[] = []
let app: CliApp

beforeEach(() => {
  app = createCliApp(`{ database: {}, shards: { map: { eu: 'DATABASE_URL_EU', us: 'DATABASE_URL_US', asia: 'DATABASE_URL_ASIA', eu2: 'DATABASE_URL_EU2' }, spread: ['eu', 'us', 'asia'] } }`)
  apps.push(app)
})

afterAll(() => apps.forEach(({ remove }) => remove()))

describe('shards plan', () => {
  it('prints one document under --json, even when nuxt.config writes to stdout, and stores nothing', async () => {
    const { code, stdout, stderr } = await app.run(['shards', 'plan', '--add', 'eu2', '--json'])
    const report = JSON.parse(stdout) as PlanReport
    expect(code).toBe(0)
    expect(stderr).toContain('a config that speaks')
    const plan = planShards(firstSlotMap(['eu', 'us', 'asia']), { add: ['eu2'] })
    expect(report.moved).toBe(1024)
    expect(report.moves.map(({ from, to, count }) => [from, to, count])).toEqual(plan.moves.map(({ from, to, slots }) => [from, to, slots.length]))
    expect(report.after).toEqual({ slots: { asia: 1024, eu: 1024, us: 1024, eu2: 1024 }, fullestOverMean: 1 })
    expect(() => readFileSync(join(app.path, 'server/shards.json'))).toThrow('ENOENT')
  })

  it('prints a table without colours where nobody looks', async () => {
    const { code, stdout } = await app.run(['shards', 'plan', '--add=eu2'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^us\s+eu2\s+341\s+3755-4095$/m)
    expect(stdout).toContain('1024 slots move, 25.0 % of the data')
    expect(stdout).not.toContain('\u001B')
  })

  it('--write stores the map in which the moves set out; status shows it, and a second plan must wait', async () => {
    const { stdout } = await app.run(['shards', 'plan', '--add', 'eu2', '--write', '--json'])
    expect((JSON.parse(stdout) as PlanReport).written).toBe('server/shards.json')
    const stored = parseSlotMap(readFileSync(join(app.path, 'server/shards.json'), 'utf8'))
    expect(stored).toEqual(startMoves(planShards(firstSlotMap(['eu', 'us', 'asia']), { add: ['eu2'] })))

    const status = JSON.parse((await app.run(['shards', 'status', '--json'])).stdout) as StatusReport
    expect(status).toMatchObject({ version: 2, slots: 4096, stored: true, balance: { slots: { eu2: 0 } } })
    expect(status.moving.map(({ to, state, step, steps }) => [to, state, step, steps])).toEqual(stored.moving.map(() => ['eu2', 'copying', 1, 4]))

    const second = await app.run(['shards', 'plan', '--remove', 'us'])
    expect(second).toMatchObject({ code: 1, stdout: expect.not.stringContaining('slots move') })
    expect(second.stderr).toContain('is not finished: finish or take back every move')
  })

  it('--write refuses a shard without an address, with which the app would not start', async () => {
    const { code, stderr } = await app.run(['shards', 'plan', '--add', 'mars', '--write'])
    expect([code, stderr.trim().split('\n').at(-1)]).toEqual([1, 'The shard mars does not have an address: add it to scale.shards.map before you store the map.'])
  })

  it('works on a map alone, without scale.shards', async () => {
    const bare = createCliApp('{}')
    apps.push(bare)
    const none = await bare.run(['shards', 'status'])
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('There is neither server/shards.json nor scale.shards in nuxt.config')])

    writeFileSync(join(bare.path, 'my.json'), serializeSlotMap(firstSlotMap(['a', 'b'], 64)))
    const { code, stdout } = await bare.run(['shards', 'plan', '--add', 'c', '--map', 'my.json', '--write', '--json'])
    expect([code, (JSON.parse(stdout) as PlanReport).moved]).toEqual([0, 21])
    expect(parseSlotMap(readFileSync(join(bare.path, 'my.json'), 'utf8'))).toMatchObject({ version: 2 })
  })
})

describe('shards status', () => {
  it('shows the state of each move', async () => {
    const map = startMoves(planShards(firstSlotMap(['eu', 'us']), { add: ['eu2'] }))
    writeFileSync(join(app.path, 'my.json'), serializeSlotMap(advanceMove(map, map.moving[0]!)))
    const { stdout } = await app.run(['shards', 'status', '--map', 'my.json'])
    expect(stdout).toMatch(/^eu\s+eu2\s+\d+\s+dual-write\s+2 of 4$/m)
    expect(stdout).toMatch(/^us\s+eu2\s+\d+\s+copying\s+1 of 4$/m)
  })
})

describe('the command line', () => {
  it.each([[['shards', 'plan', '--help'], 'nuxt-scale shards plan --add eu2'], [['migrate', '-h'], 'nuxt-scale migrate --all --resume'], [['--help'], 'nuxt-scale migrate --all']])('%j shows examples', async (args, example) => {
    const { code, stdout } = await app.run(args)
    expect(code).toBe(0)
    expect(stdout).toContain(`EXAMPLES\n\n`)
    expect(stdout).toContain(`  ${example}\n`)
    expect(stdout).not.toContain('\u001B')
  })

  it.each([
    [['shards', 'plan', '--ad', 'eu2'], '--ad is not a flag of this command'],
    [['shards', 'plan', '--add'], '--add has no value'],
    [['shards', 'plan', 'eu2'], '"eu2" has no flag'],
    [['shards', 'plan'], 'The plan changes nothing'],
    [['shards'], 'nuxt-scale shards needs a command: plan, move, verify, clean, status'],
    [['shards', 'plan', '--add', 'eu2', '--map', 'none.json'], 'The map none.json does not exist'],
    [['migrate'], 'Select the databases: write either --all'],
    [['migrate', '--all', '--concurrency', '0'], '--concurrency is "0"'],
    [['migrate', '--shard', 'eu'], 'scale.shards.map.eu names the environment variable DATABASE_URL_EU, which is not set'],
    [['migrate', '--shard', 'mars'], 'The shard "mars" does not have a database in scale.shards.map: write one of eu, us, asia, eu2.'],
  ])('%j is refused with one sentence and code 1', async (args, message) => {
    const { code, stderr } = await app.run(args)
    expect(code).toBe(1)
    expect(stderr.trim().split('\n').filter(line => !line.includes('config that speaks'))).toEqual([expect.stringContaining(message)])
  })
})
