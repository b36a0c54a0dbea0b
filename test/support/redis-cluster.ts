import type { Redis } from 'ioredis'
import { freeClusterPort } from './ports.ts'
import { startRedis } from './redis.ts'
import type { RedisServer } from './redis.ts'
import type { ServerCertificates } from './tls.ts'
import { waitFor } from './wait.ts'

const slotCount = 16_384
const migrationBatch = 100
const migrationTimeout = 5000

/** What a private Redis Cluster is started with. */
export interface StartRedisClusterOptions {
  /** Number of masters; slots are spread evenly. Default 3. */
  masters?: number
  /** Replicas of each master. Default 0. */
  replicas?: number
  /** Password of all nodes. Default: none. */
  password?: string
  /** Certificates under which all nodes serve, TLS alone, to clients and to each other. Default: no TLS. */
  tls?: ServerCertificates
  /** With `tls`: the nodes refuse clients that show no certificate. Default false. */
  clientCertificates?: boolean
  /** Further arguments of every redis-server. */
  args?: string[]
}

/** A private Redis Cluster. */
export interface RedisCluster {
  /** All nodes: the masters first, in slot order, then the replicas. */
  readonly nodes: RedisServer[]
  /** Addresses for ioredis's `Cluster` constructor. */
  readonly startupNodes: { host: string, port: number }[]
  /** Password of all nodes. */
  readonly password?: string
  /** Moves one slot with all its keys to the node at an index of `nodes`, as resharding does. */
  moveSlot: (slot: number, toNodeIndex: number) => Promise<void>
  /** The slot a key lives in. */
  slotOf: (key: string) => Promise<number>
  /** Index in `nodes` of the master that serves a slot. */
  slotOwner: (slot: number) => Promise<number>
  /** Ends all nodes and deletes their folders. */
  stop: () => Promise<void>
}

function parseInfo(text: string): Map<string, string> {
  return new Map(text.split('\r\n').map((line) => {
    const [name = '', ...value] = line.split(':')
    return [name, value.join(':')]
  }))
}

/**
 * Starts a Redis Cluster and waits until every node reports it as working. Takes a little over two
 * seconds, because Redis lets a fresh master wait that long before it takes writes.
 * @throws Error when a node does not start or the cluster does not come together in 10 s
 */
export async function startRedisCluster(options: StartRedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = 0, password, tls, clientCertificates, args = [] } = options
  const total = masters * (1 + replicas)
  const nodes: RedisServer[] = []
  const stop = async () => {
    await Promise.all(nodes.map(node => node.stop()))
  }

  try {
    const started = await Promise.allSettled(Array.from({ length: total }, async () => {
      nodes.push(await startRedis({
        password,
        tls,
        clientCertificates,
        port: await freeClusterPort(),
        args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', ...(tls ? ['--tls-cluster', 'yes'] : []), ...args],
      }))
    }))
    const failed = started.find(result => result.status === 'rejected')
    if (failed) {
      throw failed.reason
    }
    const controls = nodes.map(node => node.client())
    await assemble(nodes, controls, masters)
    const ids = await Promise.all(controls.map(control => control.cluster('MYID')))

    const slotOwner = async (slot: number) => {
      const ranges = await controls[0]!.cluster('SLOTS')
      const owner = ranges.find(([first, last]) => first <= slot && slot <= last)
      if (!owner) {
        throw new Error(`Slot ${slot} has no owner: use a slot from 0 to ${slotCount - 1} of a healthy cluster.`)
      }
      return ids.indexOf(owner[2]?.[2] ?? '')
    }

    return {
      nodes,
      startupNodes: nodes.map(({ host, port }) => ({ host, port })),
      password,
      slotOf: key => controls[0]!.cluster('KEYSLOT', key),
      slotOwner,
      moveSlot: async (slot, toNodeIndex) => {
        const from = await slotOwner(slot)
        if (from !== toNodeIndex) {
          await migrateSlot({ slot, from, to: toNodeIndex, nodes, controls, ids, password })
        }
      },
      stop,
    }
  }
  catch (error) {
    await stop()
    throw error
  }
}

async function assemble(nodes: RedisServer[], controls: Redis[], masters: number): Promise<void> {
  await Promise.all(controls.map(async (control, index) => {
    // Different epochs from the start spare the nodes a conflict to settle.
    await control.cluster('SET-CONFIG-EPOCH', index + 1)
    if (index < masters) {
      const first = Math.floor(index * slotCount / masters)
      const last = Math.floor((index + 1) * slotCount / masters) - 1
      await control.call('CLUSTER', 'ADDSLOTSRANGE', first, last)
    }
  }))
  for (const node of nodes.slice(1)) {
    await controls[0]!.cluster('MEET', node.host, node.port)
  }
  await waitFor(() => allReport(controls, 'cluster_known_nodes', String(nodes.length)), {
    timeout: 10_000,
    message: 'the cluster nodes to know each other',
  })
  await Promise.all(controls.slice(masters).map(async (control, index) => {
    const masterId = await controls[index % masters]!.cluster('MYID')
    await waitFor(() => control.cluster('REPLICATE', masterId), { message: 'a replica to accept its master' })
    await waitFor(async () => parseInfo(await control.info('replication')).get('master_link_status') === 'up', {
      timeout: 10_000,
      message: 'a replica to follow its master',
    })
  }))
  await waitFor(() => allReport(controls, 'cluster_state', 'ok'), {
    timeout: 10_000,
    message: 'every node to report cluster_state:ok',
  })
}

async function allReport(controls: Redis[], field: string, value: string): Promise<boolean> {
  const reports = await Promise.all(controls.map(control => control.cluster('INFO')))
  return reports.every(report => parseInfo(report).get(field) === value)
}

interface SlotMigration {
  slot: number
  from: number
  to: number
  nodes: RedisServer[]
  controls: Redis[]
  ids: string[]
  password?: string
}

async function migrateSlot({ slot, from, to, nodes, controls, ids, password }: SlotMigration): Promise<void> {
  const source = controls[from]
  const target = controls[to]
  if (!source || !target) {
    throw new Error(`Slot ${slot} cannot move to node ${to}: use an index below ${nodes.length}.`)
  }
  await target.cluster('SETSLOT', slot, 'IMPORTING', ids[from]!)
  await source.cluster('SETSLOT', slot, 'MIGRATING', ids[to]!)
  for (;;) {
    const keys = await source.cluster('GETKEYSINSLOT', slot, migrationBatch) as unknown as string[]
    if (keys.length === 0) {
      break
    }
    const authentication = password ? ['AUTH', password] : []
    await source.call('MIGRATE', nodes[to]!.host, nodes[to]!.port, '', 0, migrationTimeout, ...authentication, 'KEYS', ...keys)
  }
  // The target first: from then on it serves the slot even if the source still redirects by ASK.
  await target.cluster('SETSLOT', slot, 'NODE', ids[to]!)
  await source.cluster('SETSLOT', slot, 'NODE', ids[to]!)
  await waitFor(async () => {
    const owners = await Promise.all(controls.map(async (control) => {
      const ranges = await control.cluster('SLOTS')
      return ranges.find(([first, last]) => first <= slot && slot <= last)?.[2]?.[2]
    }))
    return owners.every(owner => owner === ids[to])
  }, { message: `every node to know the new owner of slot ${slot}` })
}
