import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { requireBinary } from './binaries.ts'
import { freePort } from './ports.ts'
import { startProcess } from './process.ts'
import type { ManagedProcess } from './process.ts'
import { openClient, startRedis } from './redis.ts'
import type { RedisServer } from './redis.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'
import { clientTls, tlsArguments } from './tls.ts'
import type { ServerCertificates } from './tls.ts'
import { waitFor } from './wait.ts'

const sentinelCount = 3
const failoverDeadline = 15_000

/** What a private Sentinel group is started with. */
export interface StartRedisSentinelOptions {
  /** Replicas of the master. Default 1. */
  replicas?: number
  /** Name of the watched master. Default `scale-test`. */
  name?: string
  /** Password of the data nodes. Default: none. */
  password?: string
  /** Password of the Sentinels themselves. Default: none. */
  sentinelPassword?: string
  /** Certificates under which data nodes and Sentinels serve, TLS alone, to clients and to each other. Default: no TLS. */
  tls?: ServerCertificates
  /** With `tls`: all of them refuse clients that show no certificate. Default false. */
  clientCertificates?: boolean
  /** Name of this machine by which data nodes are announced, in the place of their address. Default: none. */
  hostname?: string
}

/** Three Sentinels that watch one master and its replicas. */
export interface RedisSentinel {
  /** Name of the watched master. */
  readonly name: string
  /** Addresses for the `sentinels` option of ioredis. */
  readonly sentinels: { host: string, port: number }[]
  /** All data nodes, the first master at index 0. */
  readonly servers: RedisServer[]
  /** The data node that the Sentinels call master now. */
  master: () => Promise<RedisServer>
  /**
   * Promotes a replica, and resolves with the new master when every Sentinel names it and the old master,
   * if it runs, follows it.
   */
  failover: () => Promise<RedisServer>
  /**
   * Resolves with the new master once every Sentinel agrees on another one than `previous`: for a failover
   * that a killed master sets off.
   */
  waitForNewMaster: (previous: RedisServer) => Promise<RedisServer>
  /** Ends Sentinels and data nodes and deletes their folders. */
  stop: () => Promise<void>
}

/**
 * Starts a master, its replicas and three Sentinels (quorum 2, down after 500 ms), and waits until the
 * Sentinels know each other and every replica is in step.
 * @throws Error when a server does not start or the group does not come together in 10 s
 */
export async function startRedisSentinel(options: StartRedisSentinelOptions = {}): Promise<RedisSentinel> {
  const { replicas = 1, name = 'scale-test', password, sentinelPassword, tls, clientCertificates, hostname } = options
  const directory = createTemporaryDirectory('sentinel')
  const servers: RedisServer[] = []
  const processes: ManagedProcess[] = []
  const controls: Redis[] = []
  const stop = async () => {
    controls.forEach(control => control.disconnect())
    await Promise.all(processes.map(sentinel => sentinel.kill()))
    await Promise.all(servers.map(server => server.stop()))
    directory.remove()
  }

  try {
    const announced = hostname ? ['--replica-announce-ip', hostname] : []
    const firstMaster = await startRedis({ password, tls, clientCertificates, args: announced })
    const host = hostname ?? firstMaster.host
    servers.push(firstMaster)
    const followers = await Promise.allSettled(Array.from({ length: replicas }, async () => {
      servers.push(await startRedis({ password, tls, clientCertificates, args: [...announced, '--replicaof', `${host} ${firstMaster.port}`] }))
    }))
    const failed = followers.find(result => result.status === 'rejected')
    if (failed) {
      throw failed.reason
    }

    // Identities and addresses are written down beforehand, else the Sentinels need seconds to find each other.
    const members = await Promise.all(Array.from({ length: sentinelCount }, async () => ({
      host: '127.0.0.1',
      port: await freePort(),
      id: randomBytes(20).toString('hex'),
    })))
    const started = await Promise.allSettled(members.map(async (member) => {
      const file = join(directory.path, `sentinel-${member.port}.conf`)
      await writeFile(file, [
        ...(tls ? tlsArguments(member.port, tls, clientCertificates).map(line => line.join(' ')) : [`port ${member.port}`]),
        `bind ${member.host}`,
        `dir ${directory.path}`,
        ...(sentinelPassword ? [`requirepass ${sentinelPassword}`, `sentinel sentinel-pass ${sentinelPassword}`] : []),
        `sentinel myid ${member.id}`,
        ...(hostname ? ['sentinel resolve-hostnames yes', 'sentinel announce-hostnames yes'] : []),
        `sentinel monitor ${name} ${host} ${firstMaster.port} 2`,
        ...(password ? [`sentinel auth-pass ${name} ${password}`] : []),
        `sentinel down-after-milliseconds ${name} 500`,
        `sentinel failover-timeout ${name} 3000`,
        `sentinel parallel-syncs ${name} ${Math.max(1, replicas)}`,
        ...servers.slice(1).map(server => `sentinel known-replica ${name} ${host} ${server.port}`),
        ...members.filter(other => other !== member)
          .map(other => `sentinel known-sentinel ${name} ${other.host} ${other.port} ${other.id}`),
        '',
      ].join('\n'))
      processes.push(await startProcess({
        command: requireBinary('redis-server'),
        name: `sentinel on port ${member.port}`,
        args: [file, '--sentinel'],
        ready: { port: member.port, host: member.host },
      }))
    }))
    const failedSentinel = started.find(result => result.status === 'rejected')
    if (failedSentinel) {
      throw failedSentinel.reason
    }
    for (const { host, port } of members) {
      controls.push(openClient({ host, port, password: sentinelPassword, tls: tls && clientTls(tls) }))
    }

    await waitFor(() => groupIsReady(controls, name, replicas), {
      timeout: 10_000,
      message: 'the Sentinels to see each other and every replica in step',
    })

    const masterSeenBy = async (control: Redis) => {
      const [, port] = await control.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name) as [string, string]
      const server = servers.find(candidate => candidate.port === Number(port))
      if (!server) {
        throw new Error(`A Sentinel names port ${port} as master of "${name}", which is not one of this group.`)
      }
      return server
    }
    const agreedMaster = async () => {
      const [first, ...others] = await Promise.all(controls.map(masterSeenBy))
      return others.every(other => other === first) ? first : undefined
    }
    const waitForNewMaster = (previous: RedisServer) => waitFor(async () => {
      const master = await agreedMaster()
      return master && master !== previous && await replicationIsSettled(servers, master) ? master : undefined
    }, { timeout: failoverDeadline, message: 'all Sentinels to agree on a new master' })

    return {
      name,
      sentinels: members.map(({ host, port }) => ({ host, port })),
      servers,
      master: async () => masterSeenBy(controls[0]!),
      failover: async () => {
        const previous = await masterSeenBy(controls[0]!)
        // Sentinel refuses while it has no fresh report of a replica, or while the last failover still counts.
        await waitFor(async () => await controls[0]!.call('SENTINEL', 'FAILOVER', name) === 'OK', {
          timeout: failoverDeadline,
          interval: 100,
          message: 'a Sentinel to accept the failover',
        })
        const master = await waitFor(async () => {
          const agreed = await agreedMaster()
          return agreed === previous ? undefined : agreed
        }, { timeout: failoverDeadline, message: 'all Sentinels to agree on a new master' })
        await demote(previous, master)
        return waitForNewMaster(previous)
      },
      waitForNewMaster,
      stop,
    }
  }
  catch (error) {
    await stop()
    throw error
  }
}

function toRecord(flat: string[]): Record<string, string> {
  const record: Record<string, string> = {}
  for (let index = 0; index < flat.length; index += 2) {
    record[flat[index]!] = flat[index + 1]!
  }
  return record
}

async function groupIsReady(controls: Redis[], name: string, replicas: number): Promise<boolean> {
  const verdicts = await Promise.all(controls.map(async (control) => {
    const quorum = await control.call('SENTINEL', 'CKQUORUM', name) as string
    const reports = (await control.call('SENTINEL', 'REPLICAS', name) as string[][]).map(toRecord)
    return quorum.startsWith(`OK ${sentinelCount} usable`)
      && reports.length === replicas
      && reports.every(report => report.flags === 'slave' && report['master-link-status'] === 'ok')
  }))
  return verdicts.every(Boolean)
}

/** Does at once what a Sentinel does to a living old master after eight seconds, with the same commands. */
async function demote(previous: RedisServer, master: RedisServer): Promise<void> {
  if (!previous.running) {
    return
  }
  const control = previous.client()
  try {
    await control.multi()
      .call('REPLICAOF', master.host, master.port)
      .call('CLIENT', 'KILL', 'TYPE', 'normal')
      .call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      .exec()
  }
  finally {
    control.disconnect()
  }
}

async function replicationIsSettled(servers: RedisServer[], master: RedisServer): Promise<boolean> {
  const verdicts = await Promise.all(servers.filter(server => server.running).map(async (server) => {
    const control = server.client()
    try {
      const [role, ...details] = await control.call('ROLE') as [string, ...unknown[]]
      return server === master
        ? role === 'master'
        : role === 'slave' && details[1] === master.port && details[2] === 'connected'
    }
    finally {
      control.disconnect()
    }
  }))
  return verdicts.every(Boolean)
}
