import { setTimeout as sleep } from 'node:timers/promises'
import { encodeKey, scopedKey } from '../../src/runtime/server/cache/key'
import type { CacheEngine, CacheSource, LoadContext } from '../../src/runtime/server/cache/types'
import type { Fault, LoaderPlan, Schedule, Step, Target } from './cache-model-schedule'
import { EVERYWHERE } from './cache-model-schedule'

/** Invariant 1: this many ms after its confirmation an invalidation binds every caller, whatever happened to the bus. */
const WORST_DELAY = 3000
/** The same on a healthy bus, in ms of the model's clock, which stands still while Redis or this process does. */
const BUS_DELAY = 150
/** Most that the model's clock advances for one answer of Redis. */
const CLOCK_STEP = 10
/** L1 may not answer when its process heard nothing for this long. */
const SILENCE = 3000
/** ms in which every call settles and every process recovers, generous. */
const SETTLING = 40_000
const MOST_EVENTS = 20_000

/** The keys of a run, two of them in the scope of a tenant, with the numbers of their tags. */
const KEYS = [
  { scope: '', key: 'p:1', tags: [0, 1] },
  { scope: '', key: 'p:2', tags: [1] },
  { scope: '', key: 'q é{1}', tags: [] },
  { scope: 'a', key: 'p:1', tags: [0] },
  { scope: 'a', key: 'q:1', tags: [0, 1] },
]

/** One process of the model. */
export interface ModelProcess {
  engine: CacheEngine
  /** Sets the scope of the next call. */
  enter: (scope: string) => void
  /** Whether its Redis is in use; true for the embedded cache. */
  readonly available: boolean
  /** Performs a fault of this process's connections. Returns what ends it. */
  disturb?: (fault: Fault) => (() => void | Promise<void>) | undefined
  close: () => Promise<void>
}

/** What the model needs of the servers behind the processes. */
export interface ModelServers {
  /** Resolves when all have answered. */
  ping: () => Promise<unknown>
  /** Deletes one key, as eviction does. */
  evict: (key: string) => Promise<unknown>
  /** Performs a fault of the servers. Resolves when it is over. */
  disturb: (fault: Fault) => Promise<void>
  /** Keys of leases that are held now. */
  heldLeases: () => Promise<string[]>
  keysWithoutExpiry: () => Promise<string[]>
}

export interface ModelOptions {
  processes: ModelProcess[]
  /** Absent: the cache is embedded, and there is one process. */
  servers?: ModelServers
}

/** One key with its place in the source of truth. */
interface Slot {
  scope: string
  key: string
  tags: string[]
  /** What the source holds. Written first, invalidated after. */
  version: number
  loads: number
  invalidations: number
  confirmed: Confirmation[]
}

/** An invalidation that Redis has confirmed: no value older than `version` from then on. */
interface Confirmation {
  version: number
  process: number
  order: number
  at: number
  began: number
  clock: number
}

interface Value { key: string, version: number }

/** What the model knows of a process beside its engine. */
interface Watched {
  /** ms of the model's clock since which nothing disturbed its messages; Infinity while something does. */
  healthySince: number
  /** Since when its subscriber hears nothing; undefined when it may. */
  deafSince: number | undefined
  faults: Set<Fault>
  faultEnded: number
  epochs: number
  lastOrder: number
  /** Confirmations up to this one came before its last rise of the epoch. */
  epochOrder: number
}

const DEAFENING = new Set(['cut subscriber', 'cut all', 'delay subscriber', 'half-open subscriber', 'half-open', 'refuse', 'restart', 'cut all subscribers'])
const SILENT = new Set(['delay subscriber', 'half-open subscriber', 'half-open'])

/** What one run saw and did. */
export interface RunReport {
  violations: string[]
  /** Calls by where their value came from. */
  sources: Partial<Record<CacheSource | 'unknown' | 'error', number>>
  loads: number
  confirmed: number
  refused: number
  /** Keys that were loaded more often than once and once more for each invalidation. A sweep may cost a second load between its two passes. */
  overloaded: string[]
  /** What happened, in order, each line with its ms. */
  events: string[]
}

/** The events of a run that bear on what was wrong: those of the keys in question, and all faults. */
export function tellingEvents({ violations, overloaded, events }: RunReport, most: number): string[] {
  const keys = KEYS.map(name => `${name.scope}/${name.key}`).filter(name => [...violations, ...overloaded].some(text => text.includes(` ${name} `)))
  const bears = (event: string) => KEYS.every(({ scope, key }) => !event.includes(` ${scope}/${key}`)) || keys.some(name => event.includes(` ${name}`))
  const telling = events.filter(bears)
  const first = telling.findIndex(event => event.includes('VIOLATION'))
  return first < 0 ? telling.slice(-most) : telling.slice(Math.max(0, first - most), first + 10)
}

/** The source of truth, the processes that cache it, and the judge of every value that a caller gets. */
export class CacheModel {
  readonly #processes: ModelProcess[]
  readonly #servers: ModelServers | undefined
  readonly #watched: Watched[]
  /** Model clock: see {@link BUS_DELAY}. */
  #clock = 0
  #order = 0
  #runs = 0
  #stopped = false
  readonly #ticking: Promise<void>

  constructor({ processes, servers }: ModelOptions) {
    this.#processes = processes
    this.#servers = servers
    this.#watched = processes.map(({ engine }) => ({
      healthySince: 0, deafSince: undefined, faults: new Set(), faultEnded: -Infinity, epochs: engine.stats.epochs, lastOrder: 0, epochOrder: 0,
    }))
    this.#ticking = this.#tick()
  }

  async close(): Promise<void> {
    this.#stopped = true
    await this.#ticking
    await Promise.all(this.#processes.map(process => process.close()))
  }

  /** Plays one schedule on keys of its own and judges it. */
  run(schedule: Schedule): Promise<RunReport> {
    return new Run(this, schedule, `w${this.#runs++}.`).play()
  }

  get processes(): ModelProcess[] {
    return this.#processes
  }

  get servers(): ModelServers | undefined {
    return this.#servers
  }

  get clock(): number {
    return this.#clock
  }

  nextOrder(): number {
    return ++this.#order
  }

  /** The oldest version of a slot that a caller may get who begins now in this process. */
  required(slot: Slot, process: number): number {
    this.#look(process)
    const { healthySince, epochOrder } = this.#watched[process]!
    const now = performance.now()
    let version = 0
    for (const confirmation of slot.confirmed) {
      const binds = confirmation.process === process
        || confirmation.order <= epochOrder
        || now - confirmation.at > WORST_DELAY
        || (confirmation.began >= healthySince && this.#clock - confirmation.clock > BUS_DELAY)
      if (binds) version = Math.max(version, confirmation.version)
    }
    return version
  }

  /** Whether L1 of the process must be silent by now. */
  mustBeSilent(process: number): boolean {
    const { deafSince } = this.#watched[process]!
    return deafSince !== undefined && performance.now() - deafSince > SILENCE
  }

  /** Notes that a fault begins. Returns what notes its end; undefined when the process is disturbed already. */
  beginFault(process: number, fault: Fault): (() => void) | undefined {
    const watched = this.#watched[process]!
    if (watched.faults.size > 0) return undefined
    watched.faults.add(fault)
    const deafens = DEAFENING.has(fault.fault)
    if (deafens) watched.healthySince = Infinity
    if (SILENT.has(fault.fault)) watched.deafSince = performance.now()
    return () => {
      watched.faults.delete(fault)
      watched.deafSince = undefined
      if (deafens) watched.faultEnded = this.#clock
    }
  }

  async waitClock(milliseconds: number): Promise<void> {
    const end = this.#clock + milliseconds
    while (this.#clock < end) await sleep(2)
  }

  /** Reads what the engine says of itself. A rise of the epoch came after the last look. */
  #look(process: number): void {
    const { engine } = this.#processes[process]!
    const watched = this.#watched[process]!
    if (engine.stats.epochs !== watched.epochs) {
      watched.epochs = engine.stats.epochs
      watched.epochOrder = watched.lastOrder
    }
    watched.lastOrder = this.#order
    if (watched.healthySince === Infinity && watched.faults.size === 0 && engine.live && this.#clock - watched.faultEnded > BUS_DELAY) {
      watched.healthySince = this.#clock
    }
  }

  async #tick(): Promise<void> {
    let last = performance.now()
    while (!this.#stopped) {
      await sleep(3)
      try {
        await this.#servers?.ping()
        const now = performance.now()
        this.#clock += Math.min(now - last, CLOCK_STEP)
        last = now
      }
      catch {
        last = performance.now()
      }
      for (let process = 0; process < this.#processes.length; process++) this.#look(process)
    }
  }
}

/** One schedule as it is played. */
class Run {
  readonly #model: CacheModel
  readonly #schedule: Schedule
  readonly #prefix: string
  readonly #slots: Slot[]
  readonly #patterns: { scope: string, glob: string, covers: number[] }[]
  readonly #start = performance.now()
  readonly #report: RunReport = { violations: [], sources: {}, loads: 0, confirmed: 0, refused: 0, overloaded: [], events: [] }

  constructor(model: CacheModel, schedule: Schedule, prefix: string) {
    this.#model = model
    this.#schedule = schedule
    this.#prefix = prefix
    this.#slots = KEYS.map(({ scope, key, tags }) => ({ scope, key: prefix + key, tags: tags.map(tag => `${prefix}tag${tag}`), version: 0, loads: 0, invalidations: 0, confirmed: [] }))
    this.#patterns = [
      { scope: '', glob: `${prefix}p:*`, covers: [0, 1] },
      { scope: 'a', glob: `${prefix}p:?`, covers: [3] },
      { scope: '*', glob: `${prefix}p:[1]`, covers: [0, 3] },
      { scope: '', glob: `${prefix}*`, covers: [0, 1, 2] },
      { scope: '*', glob: '*', covers: [0, 1, 2, 3, 4] },
    ]
  }

  async play(): Promise<RunReport> {
    const steps = [...this.#schedule.steps].sort((a, b) => a.at - b.at)
    const settled = Promise.all(steps.map(async (step) => {
      await sleep(step.at)
      await this.#step(step)
    }))
    await this.#inTime(settled, 'a call did not settle')
    await this.#recover()
    await this.#readAll()
    await this.#lookForRemains()
    this.#countLoads()
    return this.#report
  }

  async #step(step: Step): Promise<void> {
    switch (step.does) {
      case 'get': return this.#get(step.process, step.slot, step.loader, step.early)
      case 'peek': return this.#peek(step.process, step.slot)
      case 'write': return this.#write(step.process, step.target, step.pause)
      case 'fault': return this.#disturb(step)
    }
  }

  async #get(process: number, index: number, plan: LoaderPlan, early: boolean): Promise<void> {
    const slot = this.#slots[index]!
    const { engine, enter } = this.#model.processes[process]!
    const late = slot.tags.filter((_, bit) => plan.late & (1 << bit))
    const load = (context: LoadContext) => this.#load(process, slot, plan, late, context)
    const required = this.#model.required(slot, process)
    const mustBeSilent = this.#model.mustBeSilent(process)
    const errors = engine.stats.redisErrors
    let source: CacheSource | undefined
    const call = `p${process} get ${this.#name(slot)}`
    this.#note(`${call} begins, needs ${required}${late.length > 0 ? `, names ${late.join()} late` : ''}`)
    enter(slot.scope)
    try {
      const value = await engine.get<Value | undefined>(slot.key, load, {
        ...this.#schedule.slots[index],
        tags: slot.tags.filter(tag => !late.includes(tag)),
        earlyRefresh: early,
        onSource: told => void (source = told),
        onRefreshError: () => {},
      })
      this.#count(source ?? 'unknown')
      this.#note(`${call} gets ${value?.version} from ${source}`)
      if (source === 'l1' && mustBeSilent) this.#complain(`${call}: L1 answered ${SILENCE} ms after its process went deaf`)
      // While Redis is away a value within staleIfError may stand in, of whatever age.
      const rescued = source === 'stale' && engine.stats.redisErrors > errors && this.#schedule.slots[index]!.staleIfError !== '0s'
      if (!rescued) this.#judge(call, slot, value, required)
    }
    catch (error) {
      this.#count('error')
      this.#note(`${call} fails: ${String(error)}`)
      if (!(error instanceof Error && /^the source failed|^Loading the cache key/.test(error.message))) this.#complain(`${call} rejected with ${String(error)}`)
    }
  }

  async #load(process: number, slot: Slot, plan: LoaderPlan, late: string[], context: LoadContext): Promise<Value | undefined> {
    slot.loads++
    this.#report.loads++
    const name = `p${process} load ${slot.loads} of ${this.#name(slot)}`
    const speak = () => {
      if (late.length > 0) context.addTags(late)
      if (plan.outcome === 'uncacheable') context.uncacheable()
    }
    if (plan.before > 0) await sleep(plan.before)
    if (plan.namesFirst) speak()
    const value = { key: this.#name(slot), version: slot.version }
    this.#note(`${name} reads ${value.version}`)
    if (plan.after > 0) await sleep(plan.after)
    if (!plan.namesFirst) speak()
    this.#note(`${name} ends: ${plan.outcome}`)
    if (plan.outcome === 'failure') throw new Error('the source failed')
    if (plan.outcome === 'hang') await sleep(500)
    return plan.outcome === 'undefined' ? undefined : value
  }

  async #peek(process: number, index: number): Promise<void> {
    const slot = this.#slots[index]!
    const { engine, enter } = this.#model.processes[process]!
    const required = this.#model.required(slot, process)
    enter(slot.scope)
    const value = await engine.peek<Value>(slot.key)
    this.#note(`p${process} peek ${this.#name(slot)} gets ${value?.version}, needs ${required}`)
    this.#judge(`p${process} peek ${this.#name(slot)}`, slot, value, required)
  }

  /** Writes the source and invalidates after. */
  async #write(process: number, target: Target, pause: number): Promise<void> {
    const covered = this.#covered(target).map(index => this.#slots[index]!)
    for (const slot of covered) slot.version++
    if (pause > 0) await sleep(pause)
    const versions = covered.map(slot => slot.version)
    const name = `p${process} invalidates ${JSON.stringify(target)} of ${covered.map((slot, index) => `${this.#name(slot)}=${versions[index]}`).join(' ')}`
    const began = this.#model.clock
    for (const slot of covered) slot.invalidations += target.by === 'key' || (target.by === 'tag' && target.scope !== EVERYWHERE) ? 1 : 2
    this.#note(name)
    try {
      await this.#invalidate(process, target)
    }
    catch (error) {
      this.#report.refused++
      this.#note(`${name} refused: ${String(error)}`)
      return
    }
    this.#report.confirmed++
    const order = this.#model.nextOrder()
    covered.forEach((slot, index) => slot.confirmed.push({ version: versions[index]!, process, order, at: performance.now(), began, clock: this.#model.clock }))
    this.#note(`${name} confirmed`)
  }

  #invalidate(process: number, target: Target): Promise<unknown> {
    const { engine, enter } = this.#model.processes[process]!
    switch (target.by) {
      case 'key': {
        const { scope, key } = this.#slots[target.slot]!
        enter(scope)
        return engine.invalidate(key, { strict: true })
      }
      case 'key everywhere':
        return engine.invalidate(this.#slots[target.slot]!.key, { strict: true, scope: '*' })
      case 'tag':
        return engine.invalidateTags(`${this.#prefix}tag${target.tag}`, { strict: true, scope: target.scope })
      case 'pattern': {
        const { scope, glob } = this.#patterns[target.pattern]!
        return engine.invalidatePattern(glob, { strict: true, scope })
      }
    }
  }

  #covered(target: Target): number[] {
    const indices = this.#slots.map((_, index) => index)
    switch (target.by) {
      case 'key': return [target.slot]
      case 'key everywhere': return indices.filter(index => this.#slots[index]!.key === this.#slots[target.slot]!.key)
      case 'tag': return indices.filter(index => [this.#slots[index]!.scope, EVERYWHERE].includes(target.scope) && this.#slots[index]!.tags.includes(`${this.#prefix}tag${target.tag}`))
      case 'pattern': return this.#patterns[target.pattern]!.covers
    }
  }

  async #disturb(fault: Fault): Promise<void> {
    const { servers, processes } = this.#model
    const name = JSON.stringify(fault)
    if (fault.fault === 'evict tag') {
      this.#note(name)
      await servers!.evict(`scale:tag:{${scopedKey(fault.scope, encodeKey(`${this.#prefix}tag${fault.tag}`))}}`).catch(() => {})
    }
    else if (fault.fault === 'evict entry' || fault.fault === 'evict lease') {
      const { scope, key } = this.#slots[fault.slot]!
      this.#note(name)
      await servers!.evict(`scale:${fault.fault === 'evict entry' ? 'cache' : 'lease'}:{${scopedKey(scope, encodeKey(key))}}`).catch(() => {})
    }
    else if ('process' in fault) {
      const finish = this.#model.beginFault(fault.process, fault)
      if (!finish) return
      this.#note(name)
      const end = processes[fault.process]!.disturb?.(fault)
      if ('lasting' in fault) await sleep(fault.lasting)
      await end?.()
      finish()
      this.#note(`${name} ends`)
    }
    else {
      const finishes = DEAFENING.has(fault.fault) ? processes.map((_, process) => this.#model.beginFault(process, fault)) : []
      // One fault at a time in a process, so that the model knows when it is over.
      if (finishes.includes(undefined)) {
        finishes.forEach(finish => finish?.())
        return
      }
      this.#note(name)
      await servers!.disturb(fault)
      finishes.forEach(finish => finish?.())
      this.#note(`${name} ends`)
    }
  }

  /** Waits until every process is alive again and has sent what it owed. */
  async #recover(): Promise<void> {
    const { processes } = this.#model
    const whole = async () => {
      while (!processes.every(({ engine, available }) => available && engine.live && engine.stats.invalidationsQueued === 0)) await sleep(5)
    }
    await this.#inTime(whole(), 'a process did not recover')
    await this.#model.waitClock(BUS_DELAY)
    await this.#inTime(whole(), 'a process did not stay recovered')
    this.#note('all have recovered')
  }

  /** With everything confirmed and told, every process must give what the source holds. */
  async #readAll(): Promise<void> {
    const plan: LoaderPlan = { before: 0, after: 0, late: 0, namesFirst: true, outcome: 'value' }
    for (let round = 0; round < 2; round++) {
      const reads = this.#model.processes.flatMap((_, process) => this.#slots.map(async (slot, index) => {
        const confirmation: Confirmation = { version: slot.version, process, order: 0, at: 0, began: 0, clock: 0 }
        slot.confirmed.push(confirmation)
        await this.#get(process, index, plan, false)
      }))
      await this.#inTime(Promise.all(reads), 'a last read did not settle')
    }
  }

  /** Leases end, and nothing stays for ever. */
  async #lookForRemains(): Promise<void> {
    const { servers } = this.#model
    if (!servers) return
    const forever = await servers.keysWithoutExpiry()
    if (forever.length > 0) this.#complain(`without an expiry: ${forever.join()}`)
    const end = performance.now() + 10_000
    let held: string[]
    while ((held = await servers.heldLeases()).length > 0) {
      if (performance.now() > end) return this.#complain(`leases that nobody gave back: ${held.join()}`)
      await sleep(50)
    }
  }

  #countLoads(): void {
    this.#report.overloaded = this.#slots
      .filter(({ loads, invalidations }) => loads > 1 + invalidations)
      .map(slot => `key ${this.#name(slot)} was loaded ${slot.loads} times for ${slot.invalidations} invalidations`)
  }

  #judge(call: string, slot: Slot, value: Value | undefined, required: number): void {
    if (value === undefined) return
    if (value.key !== this.#name(slot)) this.#complain(`${call} got a value of ${value.key}`)
    if (value.version < required) this.#complain(`${call} got version ${value.version}, after an invalidation of everything older than ${required}`)
  }

  #name({ scope, key }: Slot): string {
    return `${scope}/${key.slice(this.#prefix.length)}`
  }

  #count(source: keyof RunReport['sources']): void {
    this.#report.sources[source] = (this.#report.sources[source] ?? 0) + 1
  }

  #complain(text: string): void {
    this.#note(`VIOLATION: ${text}`)
    this.#report.violations.push(text)
  }

  #note(text: string): void {
    if (this.#report.events.length < MOST_EVENTS) this.#report.events.push(`${(performance.now() - this.#start).toFixed(1)} ${text}`)
  }

  async #inTime(work: Promise<unknown>, complaint: string): Promise<void> {
    const late = Symbol('late')
    const timer = new AbortController()
    const first = await Promise.race([work, sleep(SETTLING, late, { signal: timer.signal }).catch(() => {})])
    timer.abort()
    if (first === late) {
      this.#complain(`${complaint} in ${SETTLING} ms`)
      throw new Error(`${complaint} in ${SETTLING} ms:\n${this.#report.events.slice(-60).join('\n')}`)
    }
  }
}
