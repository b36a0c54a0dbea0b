import { readFileSync, rmSync } from 'node:fs'
import { createMapStore, saveOnly } from '../../src/reshard/map-store'
import type { MapStore } from '../../src/reshard/map-store'
import { cleanShard } from '../../src/reshard/clean'
import { openMove } from '../../src/reshard/open-move'
import { finishMove, runBack, runForward } from '../../src/reshard/run'
import type { ShardAddress } from '../../src/reshard/open-session'
import { openSession } from '../../src/reshard/open-session'
import { CliFailure } from '../../src/cli/support/command'
import { ReshardError } from '../../src/reshard/errors'
import type { ShardsModuleOptions } from '../../src/runtime/server/shards/settings'
import { shardsSettings } from '../../src/runtime/server/shards/settings'
import type { MoveState, SlotMove } from '../../src/runtime/server/shards/slot-map'
import { parseSlotMap, serializeSlotMap } from '../../src/runtime/server/shards/stored-map'
import { quietRun } from './shard-move'

/** What a mover does. */
export type MoverCommand = 'move' | 'back' | 'finish' | 'clean'

/** How a mover ended. */
export interface MoverEnd {
  command: MoverCommand
  end: 'done' | 'refused' | 'killed'
  /** Why it was refused. */
  sentence?: string
  /** Statements that it sent, and maps that it stored. */
  points: number
}

/** A command of `nuxt-scale shards` in this process. */
export interface MoverOptions {
  command: MoverCommand
  options: ShardsModuleOptions
  urls: Record<string, string>
  mapFile: string
  /** Its number on the way: dies there, before the statement is sent. */
  killAt?: number
  /** Which move, when the map has several. Default: the first. */
  which?: (move: SlotMove) => boolean
  until?: MoveState
  pause?: number
  /** Told of each point. */
  onPoint?: (point: number) => void
}

/**
 * Runs a command as the command line does: it reads the map, takes its locks, and reads the map again. With `killAt` it dies as by SIGKILL:
 * its connections are cut, nothing of it runs any further, and what it held in files stays. The lock of the map's file is the exception:
 * a test would wait for seconds until it counts as abandoned.
 */
export async function runMover(mover: MoverOptions): Promise<MoverEnd> {
  const { command, options, urls, mapFile, killAt, which = () => true, until = 'read-new', pause = 5000, onPoint } = mover
  let points = 0
  let holdsFile = false
  const cuts = new Set<() => void>()
  let died = () => {}
  const death = new Promise<'killed'>(resolve => died = () => resolve('killed'))
  const pass = async () => {
    points++
    onPoint?.(points)
    if (points !== killAt) return
    for (const cut of cuts) cut()
    if (holdsFile) rmSync(`${mapFile}.lock`)
    died()
    await new Promise<void>(() => {})
  }
  const address = (shard: string): ShardAddress => ({ shard, url: urls[shard]!, async onStatement(_sql, cut) {
    cuts.add(cut)
    await pass()
  } })
  const store = withPoints(createMapStore(mapFile, 'server/shards.json'), pass, holds => holdsFile = holds)
  const work = async (): Promise<'done'> => {
    const map = parseSlotMap(readFileSync(mapFile, 'utf8'))
    const settings = { ...shardsSettings.resolveGiven({ ...options, slotMap: serializeSlotMap(map) }), slotMap: map }
    if (command === 'clean') {
      for (const shard of map.shards) {
        const session = await openSession(address(shard))
        try {
          const all = { remove: true, batch: 1000, signal: new AbortController().signal, onDeleted: () => {} }
          await cleanShard(session, [{ name: store.name, map: await store.read() }], all)
        }
        finally {
          await session.close()
        }
      }
      return 'done'
    }
    const move = map.moving.find(which)
    if (!move) throw new CliFailure('No slots are on their way.')
    const open = await openMove({
      store,
      settings,
      move,
      sameState: command === 'back',
      addressOf: address,
      tables: () => Object.entries(options.tables!),
      tablesGiven: false,
      mayBegin: command === 'move',
    })
    try {
      const run = quietRun(store, { until, pause })
      await (command === 'move' ? runForward(open, run) : command === 'back' ? runBack(open, run) : finishMove(open, run))
      return 'done'
    }
    finally {
      await open.close()
    }
  }
  try {
    return { command, end: await Promise.race([work(), death]), points }
  }
  catch (error) {
    if (error instanceof CliFailure || error instanceof ReshardError) return { command, end: 'refused', sentence: error.message, points }
    throw error
  }
}

/** A store in which a command can die before and after a map is stored. */
function withPoints(store: MapStore, pass: () => Promise<void>, onHold: (holds: boolean) => void): MapStore {
  return {
    ...store,
    update: (change, { around = saveOnly, deadline } = {}) => store.update(change, { deadline, async around(save, next) {
      onHold(true)
      await around(async () => {
        await pass()
        await save()
        await pass()
      }, next)
      onHold(false)
    } }),
  }
}
