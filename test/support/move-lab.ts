import pg from 'pg'
import type { MapStore } from '../../src/reshard/map-store'
import { saveOnly } from '../../src/reshard/map-store'
import type { CleanOptions, Leftover } from '../../src/reshard/clean'
import { cleanShard } from '../../src/reshard/clean'
import type { OpenMove } from '../../src/reshard/move'
import { openMove } from '../../src/reshard/open-move'
import type { RunOptions, RunResult } from '../../src/reshard/run'
import { finishMove, runBack, runForward } from '../../src/reshard/run'
import { openSession } from '../../src/reshard/open-session'
import { startMoves } from '../../src/runtime/server/shards/moves'
import { planShards } from '../../src/runtime/server/shards/plan'
import { shardsSettings } from '../../src/runtime/server/shards/settings'
import type { SlotMap } from '../../src/runtime/server/shards/slot-map'
import { firstSlotMap } from '../../src/runtime/server/shards/slot-map'
import { serializeSlotMap } from '../../src/runtime/server/shards/stored-map'
import type { PostgresServer } from './postgres'

/** A move between two schemas of one database, run in this process: it costs a fraction of what the command line costs. */
export interface MoveLab {
  /** The map as it was last stored. */
  readonly map: () => SlotMap
  /** Where it is stored. */
  readonly store: MapStore
  /** Starts the plan that brings in `eu2`, or takes `eu` out too. */
  plan: (remove?: string[]) => void
  /** Runs `shards move`. */
  move: (options?: Partial<RunOptions>) => Promise<RunResult>
  /** Runs `shards move --back`. */
  back: () => Promise<RunResult>
  /** Runs `shards move --finish`. */
  finish: () => Promise<RunResult>
  /** Runs `shards clean --delete` on one shard. */
  clean: (shard: 'eu' | 'eu2', options?: Partial<CleanOptions>) => Promise<Leftover[]>
  /** The sentence with which an action fails. */
  sentence: (action: Promise<unknown>) => Promise<string>
  /** SQL on a shard as the role of the app; each row as one object of strings. */
  app: (shard: 'eu' | 'eu2', sql: string) => Promise<Record<string, string | null>[]>
  /** The schemas of the shards. */
  readonly schemas: { eu: string, eu2: string }
  /** SQL as the superuser. */
  superuser: (sql: string) => Promise<Record<string, unknown>[]>
  /** Runs SQL on a shard in a transaction that stays open. @returns commits it */
  hold: (shard: 'eu' | 'eu2', sql: string) => Promise<() => Promise<void>>
}

/** What a lab is made of. */
export interface MoveLabOptions {
  server: PostgresServer
  /** A new name, for the schemas. */
  name: string
  /** What both shards begin with. */
  schema: string
  tables: Record<string, string>
  /** The role that moves rows. Default: `app`, which owns the tables. */
  role?: string
}

export async function createMoveLab({ server, name, schema, tables, role = 'app' }: MoveLabOptions): Promise<MoveLab> {
  const schemas = { eu: `${name}_old`, eu2: `${name}_new` }
  const url = server.url()
  const mover = url.replace('//app:', `//${role}:`)
  let map = firstSlotMap(['eu'])
  const superuser: MoveLab['superuser'] = sql => server.query(sql, 'app')
  for (const shard of ['eu', 'eu2'] as const) {
    await superuser(`set role app; create schema ${schemas[shard]}; set search_path to ${schemas[shard]}; ${schema}`)
  }
  const settings = () => shardsSettings.resolveGiven({ map: { eu: 'A', eu2: 'B' }, tables, slotMap: serializeSlotMap(map) })
  const addressOf = (shard: string) => ({ shard, url: mover, schema: schemas[shard as 'eu'] })

  const store: MapStore = {
    name: 'server/shards.json',
    read: async () => map,
    async update(change, { around = saveOnly } = {}) {
      const next = change(map)
      await around(async () => {
        map = next
      }, next)
      return next
    },
  }

  type Work = (open: OpenMove, options: RunOptions) => Promise<RunResult>
  async function withMove(mayBegin: boolean, work: Work, given: Partial<RunOptions> = {}): Promise<RunResult> {
    const named = () => Object.entries(tables)
    const open = await openMove({ store, settings: settings(), move: map.moving[0]!, addressOf, tables: named, tablesGiven: false, mayBegin })
    try {
      return await work(open, {
        until: 'read-new',
        batch: 50,
        pause: 5000,
        signal: new AbortController().signal,
        store,
        onStep: () => {},
        onCopied: () => {},
        ...given,
      })
    }
    finally {
      await open.close()
    }
  }

  async function connect(shard: 'eu' | 'eu2'): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url, options: `-c search_path=${schemas[shard]}` })
    // A test that fails leaves it open until its server stops.
    client.on('error', () => {})
    await client.connect()
    return client
  }

  return {
    map: () => map,
    store,
    schemas,
    plan: (remove = []) => {
      map = startMoves(planShards(map, { add: ['eu2'], remove }))
    },
    move: options => withMove(true, (open, all) => runForward(open, all), options),
    back: () => withMove(false, (open, all) => runBack(open, all)),
    finish: () => withMove(false, (open, all) => finishMove(open, all)),
    async clean(shard, options = {}) {
      const session = await openSession(addressOf(shard))
      try {
        const { signal } = new AbortController()
        const given = { remove: true, batch: 50, signal, onDeleted: () => {}, ...options }
        return await cleanShard(session, [{ name: store.name, map }], given)
      }
      finally {
        await session.close()
      }
    },
    sentence: action => action.then(() => 'it succeeded', (error: Error) => error.message),
    async app(shard, sql) {
      const client = await connect(shard)
      try {
        const query = { text: sql, types: { getTypeParser: () => (value: string) => value } } as never
        const result = await client.query(query) as unknown as pg.QueryResult | pg.QueryResult[]
        return (Array.isArray(result) ? result.at(-1)! : result).rows as Record<string, string | null>[]
      }
      finally {
        await client.end()
      }
    },
    superuser,
    async hold(shard, sql) {
      const client = await connect(shard)
      await client.query(`begin; ${sql}`)
      return async () => {
        await client.query('commit')
        await client.end()
      }
    },
  }
}
