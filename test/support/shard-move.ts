import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { MapStore } from '../../src/reshard/map-store'
import { createMapStore, saveOnly } from '../../src/reshard/map-store'
import type { OpenMove } from '../../src/reshard/move'
import { openMove } from '../../src/reshard/open-move'
import type { RunOptions } from '../../src/reshard/run'
import { shardsSettings } from '../../src/runtime/server/shards/settings'
import type { ShardsModuleOptions, ShardsSettings } from '../../src/runtime/server/shards/settings'
import type { SlotMap } from '../../src/runtime/server/shards/slot-map'
import { firstSlotMap } from '../../src/runtime/server/shards/slot-map'
import { parseSlotMap, serializeSlotMap } from '../../src/runtime/server/shards/stored-map'
import type { CliApp } from './cli'
import { createCliApp } from './cli'
import type { PostgresServer } from './postgres'
import type { ShopAudit, ShopWriters } from './shard-writers'
import { auditShop, startShopWriters } from './shard-writers'

/** Nothing went wrong. */
export const nothingWrong: ShopAudit = { lost: 0, wrong: 0, resurrected: 0, duplicated: 0 }

/** An app whose only shard is `eu`, with the empty database of `eu2` beside it. */
export interface MoveBench {
  app: CliApp
  options: ShardsModuleOptions
  settings: ShardsSettings
  urls: { eu: string, eu2: string }
  mapFile: string
  /** The stored map. */
  map: () => SlotMap
  writeMap: (map: SlotMap) => void
  /** Runs `nuxt-scale shards …`. */
  shards: <Report>(...args: string[]) => Promise<{ code: number | null, report: Report, stderr: string, sentence: string }>
  /** The same, when it has to succeed. */
  ok: <Report>(...args: string[]) => Promise<Report>
  /** A command in this process, with both shards of the first move locked. */
  open: () => Promise<OpenMove>
  /** The file of the map, as a command in this process stores it. */
  store: () => MapStore
  /** SQL on one of the shards, as the superuser. */
  query: <Row extends Record<string, unknown>>(shard: 'eu' | 'eu2', sql: string) => Promise<Row[]>
  startWriters: (writers?: number) => ShopWriters
  /** @param everywhere rows that lie on a shard that is not theirs count */
  audit: (writers: ShopWriters, everywhere: boolean) => Promise<ShopAudit>
  remove: () => Promise<void>
}

/** What a bench is made of. */
export interface MoveBenchOptions {
  servers: { eu: PostgresServer, eu2: PostgresServer }
  /** A new name; both servers get a database of it. */
  name: string
  /** What both databases begin with. */
  tables: string
  /** `scale.shards.tables`, and what else differs. */
  options: Omit<ShardsModuleOptions, 'map'> & { map?: ShardsModuleOptions['map'] }
  overrides?: Record<string, string>
}

export async function createMoveBench({ servers, name, tables, options: given, overrides = {} }: MoveBenchOptions): Promise<MoveBench> {
  const options: ShardsModuleOptions = { map: { eu: 'DATABASE_URL_EU', eu2: 'DATABASE_URL_EU2' }, ...given }
  const urls = { eu: servers.eu.url(name), eu2: servers.eu2.url(name) }
  for (const server of new Set([servers.eu, servers.eu2])) {
    await server.createDatabases(name)
    await server.query(`set role app; ${tables}`, name)
  }
  const app = createCliApp(JSON.stringify({ database: {}, shards: options }), { 'server/shards.json': serializeSlotMap({ ...firstSlotMap(['eu']), overrides: new Map(Object.entries(overrides)) }) })
  const mapFile = join(app.path, 'server/shards.json')
  const started: ShopWriters[] = []
  const shards: MoveBench['shards'] = async (...args) => {
    const { code, stdout, stderr } = await app.run(['shards', ...args, '--json'], { DATABASE_URL_EU: urls.eu, DATABASE_URL_EU2: urls.eu2 })
    for (const { password } of [servers.eu, servers.eu2]) expect(stdout + stderr).not.toContain(password)
    return { code, report: (stdout ? JSON.parse(stdout) : undefined) as never, stderr, sentence: stderr.trim().split('\n').at(-1)! }
  }
  const store = () => createMapStore(mapFile, 'server/shards.json')
  const bench: MoveBench = {
    app,
    options,
    urls,
    mapFile,
    shards,
    store,
    get settings() {
      return shardsSettings.resolveGiven({ ...options, slotMap: readFileSync(mapFile, 'utf8') })
    },
    map: () => parseSlotMap(readFileSync(mapFile, 'utf8')),
    writeMap: map => writeFileSync(mapFile, serializeSlotMap(map)),
    async ok(...args) {
      const { code, report, stderr } = await shards(...args)
      expect({ code, why: code === 0 ? '' : stderr + JSON.stringify(report) }).toEqual({ code: 0, why: '' })
      return report as never
    },
    open: () => openMove({
      store: store(),
      settings: bench.settings,
      move: bench.map().moving[0]!,
      addressOf: shard => ({ shard, url: urls[shard as 'eu'] }),
      tables: () => Object.entries(options.tables ?? {}),
      tablesGiven: false,
      mayBegin: true,
    }),
    query: (shard, sql) => servers[shard].query(sql, name),
    startWriters(writers = 6) {
      const one = startShopWriters({ options, urls, mapFile, writers })
      started.push(one)
      return one
    },
    audit: (writers, everywhere) => auditShop({ options, urls, mapFile, expected: writers.expected(), everywhere }),
    async remove() {
      // A test that fails leaves its writers at work.
      await Promise.allSettled(started.map(writers => writers.stop()))
      app.remove()
    },
  }
  return bench
}

/** Options of a command in this process that says nothing. */
export function quietRun(store: MapStore, options: Partial<RunOptions> = {}): RunOptions {
  return { until: 'read-new', batch: 100, pause: 5000, signal: new AbortController().signal, store, onStep: () => {}, onCopied: () => {}, ...options }
}

/** A store whose command dies in the moment in which a map with other reads is stored. It never gives back the lock of the file. */
export function dyingStore(store: MapStore, point: 'before' | 'after', died: () => void): MapStore {
  const readsNew = (map: SlotMap) => map.moving[0]?.state === 'read-new'
  return {
    ...store,
    update(change, { around = saveOnly, deadline } = {}) {
      let before: SlotMap
      return store.update(map => change(before = map), { deadline, around: (save, next) => around(async () => {
        if (readsNew(before) === readsNew(next)) return save()
        if (point === 'after') await save()
        died()
        return new Promise<void>(() => {})
      }, next) })
    },
  }
}
