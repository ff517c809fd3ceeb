/**
 * Leases in a real Redis against a model in memory: pumps that take, read, commit, renew, sleep, crash, take over and give
 * back in random order, each with sinks of its own, while sinks are given up and dead letters come back. They also spill
 * leases to files of a folder they share, crash amid that, put files back, and lose leases and files. After each step Redis
 * must hold what the model holds, and what must always be true is looked for in Redis itself: no record is nowhere, none is
 * in two places for a sink, and none comes again to a sink that had it. In the end everything is brought to its end, and
 * nothing is left.
 *
 * TEK_LEASE_STEPS is how many steps (5,000), TEK_LEASE_SEED what decides (the time, printed).
 */
import { type SourceList, sourceLists } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRandom } from '../../../test/support/random.ts'
import { type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { LeaseGoneError, LeaseLostError } from '../src/errors.ts'
import { LeaseInspector } from '../src/lease/inspector.ts'
import { leaseKeys } from '../src/lease/keys.ts'
import { RecordReturn } from '../src/lease/put-back.ts'
import { type Lease, LeaseStore } from '../src/lease/store.ts'
import { MissingGiver, releaseSpilled } from '../src/spill/index.ts'
import type { SpilledEntry } from '../src/spill/entry.ts'
import { type Announced, SpillStore } from '../src/spill/store.ts'
import { Tally } from '../src/ledger/index.ts'
import {
  LeaseModel,
  type ModelEntry,
  type ModelLease,
  type ModelQuestion,
  type Refusal,
  totalOf,
} from './support/lease-model.ts'

const STEPS = Number(process.env['TEK_LEASE_STEPS'] ?? 5_000)
const SEED = Number(process.env['TEK_LEASE_SEED'] ?? Date.now() % 2 ** 32)

const sources = sourceLists().slice(0, 2)
const LIVES_MS = 86_400_000
/** Sinks of the pumps that run side by side. */
const PUMPS = [
  ['A', 'B'],
  ['A', 'B'],
  ['B', 'C'],
  ['A', 'C', 'D'],
] as const
/** Beyond this the pumps finish what they hold before more is taken. */
const MANY_LEASES = 12
const MANY_FILES = 12
const FOLDER = 'folder'
const ALONE = 'a file is all there is, although Redis was not emptied'

let server: RedisServer
let client: Redis
beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.port, { protocol: 2 })
})
afterAll(async () => {
  client.disconnect()
  await server.stop()
})

/** A hold of a lease, as a pump remembers it. */
interface Hold {
  readonly lease: Lease
  readonly sinks: readonly string[]
}

interface Owner {
  readonly name: string
  readonly sinks: readonly string[]
  readonly store: LeaseStore
  readonly spills: SpillStore
  holds: Hold[]
  /** What it is in the middle of. */
  writing: Writing[]
}

interface Writing {
  readonly announced: Announced
  readonly hold: Hold
  isWritten: boolean
}

/** Records that were refused. */
interface Letter {
  readonly source: SourceList
  readonly sinks: readonly string[]
  readonly records: string[]
  /** Of the lease they come back in; null: they never did. */
  id: string | null
}

/** What is or was in a file. */
interface Written {
  readonly source: SourceList
  readonly first: number
  readonly records: readonly string[]
}

/** What a lease is in Redis. */
interface Found {
  readonly records: readonly string[]
  readonly fields: Readonly<Record<string, string>>
  readonly ttl: number
}

interface Dump {
  readonly waiting: readonly string[]
  readonly leases: ReadonlyMap<string, Found>
  readonly listed: readonly string[]
  readonly spilled: ReadonlyMap<string, SpilledEntry>
  /** Who ended leases, and whether that stays for ever. */
  readonly ends: ReadonlyMap<string, string>
}

/** One round trip per source: a hundred thousand of them are made. */
const DUMP = `
local ids, found, ends = {}, {}, {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  if string.sub(key, 1, #ARGV[1]) == ARGV[1] then
    local id = string.gsub(string.sub(key, #ARGV[1] + 1), ':meta$', '')
    if not ids[id] then
      ids[id] = true
      local list = ARGV[1] .. id
      found[#found + 1] = { id, redis.call('LRANGE', list, 0, -1), redis.call('HGETALL', list .. ':meta'), redis.call('TTL', list) }
    end
  elseif string.sub(key, 1, #ARGV[2]) == ARGV[2] then
    ends[#ends + 1] = string.sub(key, #ARGV[2] + 1)
    ends[#ends + 1] = redis.call('GET', key) .. (redis.call('TTL', key) < 0 and ' kept' or '')
  end
end
return { redis.call('LRANGE', KEYS[1], 0, -1), found, redis.call('SMEMBERS', KEYS[2]), redis.call('HGETALL', KEYS[3]), ends }`

async function dump(source: SourceList): Promise<Dump> {
  const keys = leaseKeys(source.key)
  const names = [keys.source, keys.set, keys.spilled]
  const answer = await client.eval(DUMP, names.length, ...names, keys.list(''), keys.finished(''))
  const [waiting, found, listed, spilled, ends] = answer as [
    string[],
    [string, string[], string[], number][],
    string[],
    string[],
    string[],
  ]
  const leases = found.map(([id, records, flat, ttl]) => {
    return [id, { records, fields: Object.fromEntries(pairs(flat)), ttl }] as const
  })
  const entries = pairs(spilled).map(([id, text]) => [id, JSON.parse(text) as SpilledEntry] as const)
  return { waiting, leases: new Map(leases), listed, spilled: new Map(entries), ends: new Map(pairs(ends)) }
}

const pairs = (flat: readonly string[]): (readonly [string, string])[] =>
  Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] ?? '', flat[2 * i + 1] ?? ''])

/** Names without the prefix, and their values. */
const fieldsWith = (fields: Readonly<Record<string, string>>, prefix: string): Map<string, string> =>
  new Map(
    Object.entries(fields).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
    ),
  )

/** In an order that does not depend on that of its making. */
const inOrder = (map: ReadonlyMap<string, string | number>): string[] =>
  [...map].map(([name, value]) => `${name} ${value}`).toSorted()

class Run {
  readonly random = createRandom(SEED)
  readonly model = new LeaseModel()
  readonly owners: Owner[] = []
  readonly steps: string[] = []
  readonly counts = new Map<string, number>()
  /** By record, the sinks that have it, and those for which it was given up. */
  readonly #settled = new Map<string, Set<string>>()
  readonly #returns = new RecordReturn(client)
  readonly #inspector = new LeaseInspector(client)
  readonly #giver = new MissingGiver(client, true)
  /** Everything that was written, by id of the segment. */
  readonly #written = new Map<string, Written>()
  /** Ids of segments whose files are there, and of those whose files went. */
  readonly #disk = new Set<string>()
  readonly #lost = new Set<string>()
  #before = new Map<string, Dump>()
  #pending = new Map<string, Set<string>>()
  #segments = 0
  #steps = 0
  #records = 0
  #leases = 0
  #starts = 0
  /** Put back once, and so perhaps again. */
  #letters: Letter[] = []

  constructor() {
    for (const sinks of PUMPS) this.#start(sinks)
  }

  async step(): Promise<void> {
    const name = this.#choose()
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
    await this.#actions[name]()
    await this.#check()
    this.#steps += 1
    if (this.#steps % 200 === 0) await this.#passTime()
  }

  /** Marks that live for hours or days go, where nobody asks for them any more: the test would become ever slower. */
  async #passTime(): Promise<void> {
    const held = new Set(this.owners.flatMap(({ holds }) => holds.map(({ lease }) => lease.id)))
    for (const { key } of sources) {
      const { finished, released, spilled } = this.model.source(key)
      const made = new Set<string>()
      for (const { back } of spilled.values()) for (const id of back.keys()) made.add(id)
      const { finished: endOf, givenUp: markOf } = leaseKeys(key)
      for (const [id, { isKept }] of finished) {
        if (isKept || held.has(id) || made.has(id)) continue
        finished.delete(id)
        await client.del(endOf(id))
      }
      for (const id of released) {
        if (this.#disk.has(id) || this.#lost.has(id)) continue
        released.delete(id)
        await client.del(markOf(id))
      }
    }
  }

  #choose(): Action {
    const leases = sources.reduce((sum, { key }) => sum + this.model.source(key).leases.size, 0)
    if (leases > MANY_LEASES || this.#disk.size + this.#lost.size > MANY_FILES) return this.random.pick(FINISHING)
    return this.random.pick(ACTIONS)
  }

  readonly #actions: Record<Action, () => Promise<void>> = {
    push: () => this.#push(),
    take: () => this.#take(),
    read: () => this.#read(),
    commit: () => this.#commit(false),
    finish: () => this.#commit(true),
    renew: () => this.#renew(),
    sleep: () => this.#sleep(),
    crash: () => this.#crash(),
    recover: () => this.#recover(),
    release: () => this.#release(),
    drop: () => this.#drop(),
    'put back': () => this.#putBack(),
    'lose the set': () => this.#loseSet(),
    'announce a spill': () => this.#announce(),
    'write a file': () => this.#write(),
    'commit a spill': () => this.#commitSpill(),
    'cancel a spill': () => this.#cancelSpill(),
    'look at a file': () => this.#look(),
    'put a file back': () => this.#putFileBack(),
    'lose a lease': () => this.#loseLease(),
    'drop from files': () => this.#dropSpilled(),
    'lose a file': () => this.#loseFile(),
    'release missing': () => this.#releaseMissing(null),
  }

  #note(step: string): void {
    this.steps.push(step)
    if (this.steps.length > 40) this.steps.shift()
  }

  #start(sinks: readonly string[]): Owner {
    const name = `pump${this.#starts++}`
    const store = new LeaseStore({ client, owner: name, sinks, ownerTtlMs: LIVES_MS })
    const spills = new SpillStore({ client, owner: name, ownerTtlMs: LIVES_MS })
    const owner: Owner = { name, sinks, store, spills, holds: [], writing: [] }
    this.owners.push(owner)
    return owner
  }

  async #push(): Promise<void> {
    const source = this.random.pick(sources)
    const records = Array.from({ length: 1 + this.random.integer(6) }, () => `r${this.#records++}`)
    this.#note(`push ${records.length} to ${source.key}`)
    await client.rpush(source.key, ...records)
    // As a gateway does. A taken record must not expire with it.
    await client.expire(source.key, 3600)
    this.model.source(source.key).waiting.push(...records)
  }

  #take(): Promise<void> {
    return this.#takeAs(this.random.pick(this.owners), this.random.pick(sources))
  }

  async #takeAs(owner: Owner, source: SourceList): Promise<void> {
    const id = `l${this.#leases++}`
    const answered = this.random.next() < 0.9
    const lease = await owner.store.take(source, id)
    this.#note(`${owner.name} takes ${id}: ${lease?.total ?? 'nothing'}${answered ? '' : ', is not told'}`)
    const total = this.model.take(source.key, id, owner.name, lease?.token ?? '', owner.sinks)
    expect(lease?.total ?? 0).toBe(total)
    if (lease !== null && answered) owner.holds.push({ lease, sinks: owner.sinks })
  }

  async #read(): Promise<void> {
    const picked = this.#pickHold()
    if (picked === null) return
    const [owner, { lease }] = picked
    const offset = this.random.integer(lease.total + 1)
    const [most, bytes] = [1 + this.random.integer(8), 1 + this.random.integer(40)]
    this.#note(`${owner.name} reads ${lease.id} from ${offset}`)
    const expected = this.model.read(lease.source.key, lease.id, lease.token, owner.sinks, offset)
    const block = await orRefusal(owner.store.read(lease, offset, most, bytes))
    if (typeof block === 'string') return expect(block).toBe(expected)
    const texts = Array.from({ length: block.length }, (_, i) => String(block.raw(i)))
    expect(texts).toEqual(typeof expected === 'string' ? expected : within(expected, most, bytes))
  }

  async #commit(whole: boolean): Promise<void> {
    const picked = this.#pickHold()
    if (picked === null) return
    const [owner, hold] = picked
    const { lease } = hold
    const sink = this.random.pick(this.random.next() < 0.9 ? hold.sinks : owner.sinks)
    await this.#commitAs(owner, hold, sink, whole ? lease.total : this.random.integer(lease.total + 1))
  }

  async #commitAs(owner: Owner, hold: Hold, sink: string, to: number): Promise<void> {
    const { lease } = hold
    const { key } = lease.source
    const records = this.model.lease(key, lease.id)?.records ?? []
    // A reply may be lost, and then the call comes again.
    for (let times = this.random.next() < 0.2 ? 2 : 1; times > 0; times--) {
      this.#note(`${owner.name} commits ${lease.id} for ${sink} to ${to}`)
      const modelled = this.model.commit(key, lease.id, lease.token, sink, to)
      const answer = await orRefusal(owner.store.commit(lease, sink, to))
      // Of a lease that is gone the last commit is told that all is well.
      const isGone = typeof modelled === 'string' && this.model.lease(key, lease.id) === undefined
      expect(answer).toBe(isGone && to === lease.total ? 0 : modelled)
      if (typeof modelled === 'string') this.#forget(owner, hold)
      else this.#settle(records.slice(0, to), sink)
    }
  }

  async #renew(): Promise<void> {
    const [owner, source] = [this.random.pick(this.owners), this.random.pick(sources)]
    this.#note(`${owner.name} renews`)
    await owner.store.renew(source)
    this.model.source(source.key).living.add(owner.name)
    // The call also forgets those whose time is over, which for the others they were before.
  }

  /** It gives no sign for longer than it may, and goes on later as if nothing had been. */
  async #sleep(): Promise<void> {
    const [owner, source] = [this.random.pick(this.owners), this.random.pick(sources)]
    this.#note(`${owner.name} sleeps`)
    await client.hset(leaseKeys(source.key).owners, owner.name, 1)
    this.model.source(source.key).living.delete(owner.name)
  }

  /** Its memory is gone. Others learn of it at once or only later. */
  async #crash(): Promise<void> {
    const dead = this.random.pick(this.owners)
    this.owners.splice(this.owners.indexOf(dead), 1)
    const next = this.#start(dead.sinks)
    this.#note(`${dead.name} crashes, ${next.name} starts`)
    for (const { key } of sources) {
      await client.hset(leaseKeys(key).owners, dead.name, 1)
      this.model.source(key).living.delete(dead.name)
    }
  }

  #recover(): Promise<void> {
    // By name, as the scan does, or from the set of leases.
    return this.#recoverAs(this.random.pick(this.owners), this.random.pick(sources), this.random.next() < 0.3)
  }

  async #recoverAs(owner: Owner, source: SourceList, scanned: boolean): Promise<void> {
    const found = scanned
      ? ((await owner.store.scanLeases([source])).get(source) ?? [])
      : await listLeases(owner.store, source)
    const ids = [...new Set(found)].sort()
    if (ids.length === 0) return
    const requests = ids.map((id) => ({ id, tokens: this.#tokensOf(owner, source, id) }))
    const { claimed, waiting } = await owner.store.claim(source, requests)
    const token = claimed[0]?.lease.token ?? ''
    const known = new Map(requests.map(({ id, tokens }) => [id, tokens]))
    const named = new Map(ids.map((id) => [id, new Set(this.model.lease(source.key, id)?.offsets.keys())]))
    const expected = this.model.claim(source.key, owner.name, token, owner.sinks, known)
    this.#note(`${owner.name} recovers ${claimed.map(({ lease }) => lease.id).join(' ')}`)
    expect(claimed.map(({ lease, offsets, whole }) => ({ id: lease.id, total: lease.total, offsets, whole }))).toEqual(
      expected.claimed,
    )
    expect(waiting).toEqual(expected.waiting)
    for (const { lease, offsets } of claimed) {
      // A sink that the lease did not name counts as new, and gets what is left.
      const isNew = (sink: string, at: number): boolean => offsets[at] !== null && !named.get(lease.id)?.has(sink)
      this.#unsettle(this.model.lease(source.key, lease.id)?.records ?? [], owner.sinks.filter(isNew))
    }
    if (this.random.next() < 0.1) return this.#note('but is not told')
    for (const { lease, offsets } of claimed) {
      owner.holds.push({ lease, sinks: owner.sinks.filter((_, index) => offsets[index] !== null) })
    }
  }

  async #release(): Promise<void> {
    const picked = this.#pickHold()
    if (picked === null) return
    const [owner, hold] = picked
    const { lease } = hold
    const offsets = this.model.lease(lease.source.key, lease.id)?.offsets.values() ?? []
    const begun = [...offsets].some((offset) => offset > 0) || this.random.next() < 0.5
    this.#note(`${owner.name} releases ${lease.id}${begun ? ', begun' : ''}`)
    const records = this.model.lease(lease.source.key, lease.id)?.records ?? []
    const expected = this.model.release(lease.source.key, lease.id, lease.token, begun)
    // Who takes them from the list has them for all its sinks.
    if (expected === 'returned') this.#unsettle(records, ['A', 'B', 'C', 'D'])
    expect(await owner.store.release(lease, begun)).toBe(expected)
    this.#forget(owner, hold)
  }

  async #drop(): Promise<void> {
    const sink = this.random.pick(['A', 'B', 'C', 'D'])
    const source = this.random.pick(sources)
    this.#note(`${sink} is given up`)
    const needing = [...this.model.source(source.key).leases.values()].filter(({ offsets }) => offsets.has(sink))
    const { held, waiting } = await this.#inspector.drop([source], sink, true)
    expect({ held, waiting }).toEqual(this.model.drop(source.key, sink))
    // Given up where the model says that the lease does not need the sink any more.
    for (const { offsets, records } of needing) if (!offsets.has(sink)) this.#settle(records, sink)
  }

  async #putBack(): Promise<void> {
    const again = this.#letters.length > 0 && this.random.next() < 0.3
    const letter = again ? this.random.pick(this.#letters) : this.#newLetter()
    const { source, sinks, records } = letter
    const { leases } = this.model.source(source.key)
    const there = letter.id === null ? 'no' : this.model.isBack(source.key, letter.id, sinks)
    // Their file is missing: they would come twice if it is found.
    if (there === 'no' && records.some((record) => this.#pending.has(record))) return
    this.#note(`${records.length} come back for ${sinks.join(' ')}: ${there}`)
    for (const record of there === 'no' ? records : []) this.#settled.delete(record)
    const isSafe = await this.#returns.putBack(
      source,
      sinks,
      records.map((record) => Buffer.from(record)),
    )
    expect(isSafe).toBe(there !== 'under way')
    if (there === 'under way') return
    if (there === 'waits') {
      // Their letters go now.
      for (const record of records) for (const sink of sinks) expect(this.#pending.get(record)).toContain(sink)
      return
    }
    const { leases: found } = await dump(source)
    letter.id = [...found.keys()].find((candidate) => !leases.has(candidate)) ?? ''
    this.model.putBack(source.key, letter.id, sinks, records)
  }

  #newLetter(): Letter {
    const records = Array.from({ length: 1 + this.random.integer(3) }, () => `d${this.#records++}`)
    const sinks = ['A', 'B', 'C', 'D'].filter(() => this.random.next() < 0.5)
    const source = this.random.pick(sources)
    const letter = { source, sinks: sinks.length === 0 ? ['A'] : sinks, records, id: null }
    this.#letters = [...this.#letters.slice(-20), letter]
    return letter
  }

  async #loseSet(): Promise<void> {
    const source = this.random.pick(sources)
    this.#note('the set of leases is lost')
    await client.del(leaseKeys(source.key).set)
    this.model.loseSet(source.key)
  }

  /** Mostly a hold that is remembered; also of a lease that is in other hands by now. */
  #pickHold(): [Owner, Hold] | null {
    const holding = this.owners.filter(({ holds }) => holds.length > 0)
    if (holding.length === 0) return null
    const owner = this.random.pick(holding)
    return [owner, this.random.pick(owner.holds)]
  }

  #forget(owner: Owner, hold: Hold): void {
    owner.holds = owner.holds.filter((candidate) => candidate !== hold)
  }

  #tokensOf(owner: Owner, source: SourceList, id: string): string[] {
    return owner.holds.flatMap(({ lease }) => (lease.source === source && lease.id === id ? [lease.token] : []))
  }

  // Files

  async #announce(): Promise<void> {
    const picked = this.#pickHold()
    if (picked === null) return
    const [owner, hold] = picked
    // One file at a time.
    if (owner.writing.length > 0) return
    const { lease } = hold
    const { key } = lease.source
    const announced = owner.spills.prepare(lease)
    const header = await owner.spills.announce(announced, FOLDER, 'here')
    const modelled = this.model.lease(key, lease.id)
    const entry = this.model.announce(key, lease.id, lease.token, announced.id)
    this.#note(`${owner.name} announces a file of ${lease.id}: ${header === null ? 'refused' : announced.id}`)
    expect(header && [header.total, inOrder(new Map(Object.entries(header.offsets)))]).toEqual(
      entry && [entry.total, inOrder(entry.offsets)],
    )
    if (header === null) return
    this.#written.set(announced.id, {
      source: lease.source,
      first: header.first,
      records: modelled?.records.slice(header.first) ?? [],
    })
    owner.writing.push({ announced, hold, isWritten: false })
  }

  async #write(): Promise<void> {
    const picked = this.#pickWriting(({ isWritten }) => !isWritten)
    if (picked === null) return
    this.#note(`${picked[0].name} writes ${picked[1].announced.id}`)
    this.#disk.add(picked[1].announced.id)
    picked[1].isWritten = true
  }

  async #commitSpill(): Promise<void> {
    const picked = this.#pickWriting(({ isWritten }) => isWritten)
    if (picked === null) return
    const [owner, writing] = picked
    const { announced, hold } = writing
    const { lease } = hold
    for (let times = this.random.next() < 0.2 ? 2 : 1; times > 0; times--) {
      const modelled = this.model.commitSpill(lease.source.key, lease.id, lease.token, announced.id)
      this.#note(`${owner.name} commits the file ${announced.id}: ${modelled}`)
      expect(await owner.spills.commit(announced, 1, 1, null)).toBe(modelled)
      if (times > 1) continue
      if (modelled === 'refused') await this.#takeBack(owner, writing, true)
      else this.#forget(owner, hold)
      // Others have removed it as useless, and finished the lease, while this pump slept.
      if (modelled === 'alone' && this.#disk.has(announced.id)) throw new Error(ALONE)
    }
    owner.writing = owner.writing.filter((candidate) => candidate !== writing)
  }

  async #cancelSpill(): Promise<void> {
    const picked = this.#pickWriting(() => true)
    if (picked === null) return
    const [owner, writing] = picked
    // A slow disk may still hold on to the file, or make it.
    await this.#takeBack(owner, writing, this.random.next() < 0.7)
    owner.writing = owner.writing.filter((candidate) => candidate !== writing)
  }

  async #takeBack(owner: Owner, { announced, hold: { lease }, isWritten }: Writing, isGone: boolean): Promise<void> {
    this.#note(`${owner.name} takes the file ${announced.id} back${isGone ? '' : ', but not from the disk'}`)
    if (isGone) this.#disk.delete(announced.id)
    else if (!isWritten) this.#disk.add(announced.id)
    await owner.spills.cancel(announced, isGone)
    this.model.cancelSpill(lease.source.key, announced.id, lease.token, isGone)
  }

  #pickWriting(fits: (writing: Writing) => boolean): [Owner, Writing] | null {
    const all = this.owners.flatMap((owner) => owner.writing.map((one): [Owner, Writing] => [owner, one]))
    const fitting = all.filter(([, writing]) => fits(writing))
    return fitting.length === 0 ? null : this.random.pick(fitting)
  }

  async #look(): Promise<void> {
    const known = sources.flatMap(({ key }) => [...this.model.source(key).spilled.keys()])
    const ids = [...new Set([...this.#disk, ...known])]
    if (ids.length > 0) await this.lookAt(this.random.pick(this.owners), this.random.pick(ids))
  }

  /** As a pump does that goes through the folder and through what Redis knows of it. */
  async lookAt(owner: Owner, id: string): Promise<void> {
    const source = this.#written.get(id)?.source ?? sources[0]!
    const { key } = source
    const entry = this.model.source(key).spilled.get(id)
    // It may not know yet which leases were made of the file.
    const made = this.random.next() < 0.8 ? [...(entry?.back.keys() ?? [])] : []
    const isThere = this.#disk.has(id)
    const isWriting = owner.writing.some(({ announced }) => announced.id === id)
    const asked = { sinks: owner.sinks, isWriting, isThere }
    const place = { source, id, folder: FOLDER, place: 'here' }
    const settled = await owner.spills.settle({ ...asked, ...place, leases: made })
    const question: ModelQuestion = { ...asked, leaseId: id.slice(0, id.indexOf('~')), owner: owner.name, made }
    this.#note(`${owner.name} looks at ${id}${isThere ? '' : ', which is not there'}: ${settled.kind}`)
    expect(settled.kind).toBe(this.model.settle(key, id, question))
    switch (settled.kind) {
      case 'alone':
        throw new Error(ALONE)
      case 'busy':
      case 'gone':
        return
      case 'released':
        this.#disk.delete(id)
        return
      case 'useless':
      case 'done': {
        this.#disk.delete(id)
        // Its writer may make it still. And a pump may be killed before Redis forgets it.
        const isAwaited = this.owners.some(({ writing }) => writing.some(({ announced }) => announced.id === id))
        if ((settled.kind === 'useless' && !isThere && isAwaited) || this.random.next() < 0.1) return
        if (isThere) await owner.spills.forget(source, id)
        else await owner.spills.forgetMissing(source, id, settled)
        if (!isThere) this.model.releaseMissing(key, id, null)
        this.model.source(key).spilled.delete(id)
        return
      }
      case 'spilled': {
        const given = Object.keys(settled.entry.given ?? {})
        if (given.length === 0) return
        if (isThere) await owner.spills.book(source, id, new Map(given.map((sink) => [sink, new Tally()])), false)
        else expect(await owner.spills.releaseMissing(source, id, settled, given[0] ?? '')).toBe(true)
        if (isThere) this.model.source(key).spilled.get(id)?.given.clear()
        else this.#settleMissing(id, this.model.releaseMissing(key, id, given[0] ?? ''))
      }
    }
  }

  async #putFileBack(): Promise<void> {
    const ids = [...this.#disk].filter((id) => this.#entryOf(id)?.state === 'spilled')
    if (ids.length > 0) await this.putBackFrom(this.random.pick(this.owners), this.random.pick(ids))
  }

  #entryOf(id: string): ModelEntry | undefined {
    return this.model.source(this.#written.get(id)?.source.key ?? '').spilled.get(id)
  }

  async putBackFrom(owner: Owner, id: string): Promise<void> {
    const { source, first, records: all } = this.#written.get(id) as Written
    const entry = this.#entryOf(id) as ModelEntry
    const own = owner.sinks.filter((sink) => entry.offsets.has(sink))
    if (own.length === 0) return
    // What it knows may be of before another pump has put it back, delivered of it and lost it.
    const isStale = this.random.next() < 0.1
    const standing = own.map((sink) => [sink, isStale ? first : (entry.offsets.get(sink) ?? 0)] as const)
    const base = Math.min(...standing.map(([, offset]) => offset))
    const records = all.slice(base - first)
    const offsets = new Map(standing.map(([sink, offset]) => [sink, offset - base]))
    for (let times = this.random.next() < 0.2 ? 2 : 1; times > 0; times--) {
      const leaseId = `f${this.#segments++}`
      const raws = records.map((record) => Buffer.from(record))
      const back = { source, segmentId: id, leaseId, entry: null, base, offsets, records: raws, lost: null }
      const answer = await owner.spills.putBack(back)
      const put = { id: leaseId, owner: owner.name, token: answer?.token ?? '', base, offsets, records }
      const expected = this.model.putSpilled(source.key, id, put)
      this.#note(`${owner.name} puts ${id} back as ${leaseId} for ${[...(expected ?? [])].join(' ')}`)
      expect(answer?.sinks).toEqual(expected ?? undefined)
      if (answer === null || answer.sinks.size === 0 || this.random.next() < 0.1) continue
      const lease = { id: leaseId, source, total: records.length, token: answer.token }
      owner.holds.push({ lease, sinks: [...answer.sinks] })
    }
  }

  /** Only of leases that a file has as well: no other may be lost. */
  async #loseLease(): Promise<void> {
    const all = sources.flatMap(({ key }) =>
      [...this.model.source(key).leases].flatMap(([id, { segment }]) => (segment === null ? [] : [[key, id] as const])),
    )
    if (all.length === 0) return
    const [key, id] = this.random.pick(all)
    this.#note(`the lease ${id} is lost`)
    const keys = leaseKeys(key)
    await client.del(keys.list(id), keys.meta(id))
    await client.srem(keys.set, id)
    this.model.loseLease(key, id)
  }

  async #dropSpilled(): Promise<void> {
    const [sink, source] = [this.random.pick(['A', 'B', 'C', 'D']), this.random.pick(sources)]
    const ledger = this.random.next() < 0.7
    this.#note(`${sink} is given up in files`)
    const { spilled } = this.model.source(source.key)
    const before = [...spilled].filter(([, { state, offsets }]) => state === 'spilled' && offsets.has(sink))
    expect(await releaseSpilled(client, [source], sink, true, ledger)).toEqual(
      this.model.dropSpilled(source.key, sink, ledger),
    )
    for (const [id, { offsets }] of before)
      if (!offsets.has(sink)) this.#settle(this.#written.get(id)?.records ?? [], sink)
  }

  /** Or it comes back from where it was. */
  async #loseFile(): Promise<void> {
    if (this.#lost.size > 0 && this.random.next() < 0.4) {
      const id = this.random.pick([...this.#lost])
      this.#note(`the file ${id} is found`)
      this.#lost.delete(id)
      this.#disk.add(id)
      return
    }
    const ids = [...this.#disk].filter((id) => this.#entryOf(id)?.state === 'spilled')
    if (ids.length === 0) return
    const id = this.random.pick(ids)
    this.#note(`the file ${id} is lost`)
    this.#disk.delete(id)
    this.#lost.add(id)
  }

  async #releaseMissing(only: string | null): Promise<void> {
    const sink = only ?? (this.random.next() < 0.5 ? this.random.pick(['A', 'B', 'C', 'D']) : null)
    this.#note(`what is missing is given up for ${sink ?? 'all'}`)
    await this.giveUpMissing(sink)
  }

  async giveUpMissing(sink: string | null): Promise<void> {
    const released = await this.#giver.run(sources, { folder: null, sink }, true)
    const expected = new Map<string, { segments: number; records: number }>()
    for (const { key } of sources) {
      for (const [id, entry] of [...this.model.source(key).spilled].filter(([, { missing }]) => missing)) {
        const made = [...entry.back.keys()]
        const asked = { leaseId: '', owner: '', sinks: [], isWriting: false, isThere: null, made }
        this.model.settle(key, id, asked)
        const given = this.model.releaseMissing(key, id, sink)
        this.#settleMissing(id, given)
        for (const [name, offset] of given ?? []) {
          const sum = expected.get(name) ?? { segments: 0, records: 0 }
          expected.set(name, { segments: sum.segments + 1, records: sum.records + entry.total - offset })
        }
      }
    }
    expect(inOrder(new Map([...released.sinks].map(([name, sum]) => [name, JSON.stringify(sum)])))).toEqual(
      inOrder(new Map([...expected].map(([name, sum]) => [name, JSON.stringify(sum)]))),
    )
  }

  #settleMissing(id: string, given: ReadonlyMap<string, number> | null): void {
    for (const sink of given?.keys() ?? []) this.#settle(this.#written.get(id)?.records ?? [], sink)
  }

  // The end

  /** One pump with all sinks brings everything to its end; the others are dead. Then nothing may be left. */
  async finish(): Promise<void> {
    for (const { name } of this.owners) {
      for (const { key } of sources) {
        await client.hdel(leaseKeys(key).owners, name)
        this.model.source(key).living.delete(name)
      }
    }
    this.owners.length = 0
    const last = this.#start(['A', 'B', 'C', 'D'])
    for (let round = 0; ; round++) {
      for (const source of sources) {
        await this.#takeAs(last, source)
        await this.#recoverAs(last, source, true)
        await this.#check()
        for (const hold of last.holds)
          for (const sink of hold.sinks) await this.#commitAs(last, hold, sink, hold.lease.total)
        last.holds = []
      }
      const known = sources.flatMap(({ key }) => [...this.model.source(key).spilled.keys()])
      for (const id of new Set([...this.#disk, ...known])) await this.lookAt(last, id)
      for (const id of this.#disk) if (this.#entryOf(id)?.state === 'spilled') await this.putBackFrom(last, id)
      await this.giveUpMissing(null)
      await this.#check()
      const isDone = sources.every(({ key }) => {
        const { waiting, leases, spilled } = this.model.source(key)
        return waiting.length + leases.size + spilled.size === 0
      })
      if (isDone && this.#disk.size === 0) break
      if (round > 200) throw new Error('it does not come to an end')
    }
    const names = await client.keys('*')
    const ttls = await Promise.all(names.map((name) => client.ttl(name)))
    expect(names.filter((name, at) => ttls[at] === -1 && !name.endsWith(':owners'))).toEqual([])
  }

  // What must be true

  #settle(records: readonly string[], sink: string): void {
    for (const record of records) this.#settled.set(record, (this.#settled.get(record) ?? new Set()).add(sink))
  }

  /** They come anew to sinks. */
  #unsettle(records: readonly string[], sinks: readonly string[]): void {
    for (const record of records) for (const sink of sinks) this.#settled.get(record)?.delete(sink)
  }

  async #check(): Promise<void> {
    const after = new Map<string, Dump>()
    /** By record, the sinks it has to come to; of one in a source list it is not known which. */
    const pending = new Map<string, Set<string>>()
    for (const source of sources) {
      const now = await dump(source)
      after.set(source.key, now)
      this.#matchesModel(source, now)
      for (const record of now.waiting) {
        if (pending.has(record)) throw new Error(`${record} is in two places`)
        pending.set(record, new Set(['any']))
      }
      for (const [record, sink] of this.#placesIn(now)) {
        const sinks = pending.get(record) ?? new Set<string>()
        if (sinks.has(sink) || sinks.has('any')) throw new Error(`${record} is in two places for ${sink}`)
        if (this.#settled.get(record)?.has(sink)) throw new Error(`${record} comes to ${sink} again`)
        pending.set(record, sinks.add(sink))
      }
    }
    for (const [key, now] of after) {
      const before = this.#before.get(key)
      if (before !== undefined) this.#movedForward(before, now)
    }
    for (const [record, sinks] of this.#pending) {
      const [still, done] = [pending.get(record), this.#settled.get(record)]
      for (const sink of sinks) {
        const isThere = still?.has(sink) || still?.has('any') || (sink === 'any' && still !== undefined)
        if (!isThere && !done?.has(sink)) throw new Error(`${record} is gone, and was not for ${sink}`)
      }
      if (still === undefined) this.#settled.delete(record)
    }
    this.#before = after
    this.#pending = pending
  }

  /** Each record in leases and files, with each sink it has to come to from there. */
  *#placesIn(now: Dump): Generator<readonly [record: string, sink: string]> {
    for (const { records, fields } of now.leases.values()) {
      const acked = Number(fields['acked'])
      for (const [sink, offset] of fieldsWith(fields, 'offset:')) {
        for (const record of records.slice(Number(offset) - acked)) yield [record, sink]
      }
    }
    for (const [id, { state, offsets, back = {} }] of now.spilled) {
      const { first, records } = this.#written.get(id) ?? { first: 0, records: [] }
      if (state !== 'spilled') continue
      // Of a lease that is lost the file has the records, as soon as somebody has seen it.
      const lost = Object.entries(back).filter(([lease]) => !now.leases.has(lease) && !now.ends.has(lease))
      for (const [sink, offset] of [offsets, ...lost.map(([, part]) => part)].flatMap((part) => Object.entries(part))) {
        for (const record of records.slice(offset - first)) yield [record, sink]
      }
    }
  }

  #matchesModel({ key }: SourceList, now: Dump): void {
    const { waiting, leases, spilled, finished } = this.model.source(key)
    same(now.waiting, waiting)
    same([...now.leases.keys()].sort(), [...leases.keys()].sort())
    same([...now.listed].sort(), [...leases].flatMap(([id, lease]) => (lease.listed ? [id] : [])).sort())
    for (const [id, lease] of leases) this.#matchesLease(now.leases.get(id) as Found, lease)
    same([...now.spilled.keys()].sort(), [...spilled.keys()].sort())
    for (const [id, entry] of spilled) same(shownEntry(now.spilled.get(id) as SpilledEntry), shownModel(entry))
    const ends = [...finished].map(([id, { by, isKept }]) => [id, `${by}${isKept ? ' kept' : ''}`] as const)
    same(inOrder(now.ends), inOrder(new Map(ends)))
  }

  #matchesLease({ records, fields, ttl }: Found, lease: ModelLease): void {
    same(records, lease.records.slice(lease.acked))
    same(inOrder(fieldsWith(fields, 'offset:')), inOrder(lease.offsets))
    same(inOrder(fieldsWith(fields, 'owner:')), inOrder(lease.holders))
    // A taken record never expires.
    const only = fields['only'] !== undefined
    same([Number(fields['acked']), Number(fields['total']), only, ttl], [lease.acked, totalOf(lease), lease.only, -1])
    same([fields['segment'] ?? null, fields['moved'] === 'file'], [lease.segment?.id ?? null, lease.moved === 'file'])
  }

  /** Of what Redis held before this step nothing went back. */
  #movedForward(before: Dump, now: Dump): void {
    for (const [id, was] of before.leases) {
      const offsets = fieldsWith(now.leases.get(id)?.fields ?? {}, 'offset:')
      for (const [sink, offset] of fieldsWith(was.fields, 'offset:')) {
        if (Number(offsets.get(sink) ?? Infinity) < Number(offset)) throw new Error(`${id} went back for ${sink}`)
      }
    }
  }
}

/** An entry as it is compared, in an order that does not depend on that of its making. */
function shownEntry({ state, offsets, back = {}, given = {}, holders = {}, missing }: SpilledEntry): unknown {
  const sorted = (part: Readonly<Record<string, string | number>>): string[] => inOrder(new Map(Object.entries(part)))
  const made = new Map(Object.entries(back).map(([id, part]) => [id, sorted(part).join(', ')]))
  // Of what counts for nothing the rest counts for nothing.
  if (state === 'useless') return state
  return [state, sorted(offsets), inOrder(made), sorted(given), sorted(holders), missing !== undefined]
}

function shownModel({ state, offsets, back, given, holders, missing }: ModelEntry): unknown {
  const made = new Map([...back].map(([id, part]) => [id, inOrder(part).join(', ')]))
  const hands = new Map([...holders].map(([sink, tokens]) => [sink, tokens.join(' ')]))
  if (state === 'useless') return state
  return [state, inOrder(offsets), inOrder(made), inOrder(given), inOrder(hands), missing]
}

/** The assertion itself costs more than all the rest, so it is made where it will fail. */
function same(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) expect(actual).toEqual(expected)
}

const WEIGHTS: readonly (readonly [Action, number])[] = [
  ['push', 3],
  ['take', 3],
  ['read', 2],
  ['commit', 4],
  ['finish', 3],
  ['renew', 1],
  ['sleep', 1],
  ['crash', 1],
  ['recover', 3],
  ['release', 1],
  ['drop', 1],
  ['put back', 1],
  ['lose the set', 1],
  ['announce a spill', 3],
  ['write a file', 2],
  ['commit a spill', 3],
  ['cancel a spill', 1],
  ['look at a file', 4],
  ['put a file back', 3],
  ['lose a lease', 1],
  ['drop from files', 1],
  ['lose a file', 1],
  ['release missing', 1],
]
const ACTIONS: readonly Action[] = WEIGHTS.flatMap(([name, weight]) => Array.from({ length: weight }, () => name))
const FINISHING = [
  ...(['recover', 'recover', 'finish', 'finish', 'finish', 'commit', 'sleep', 'release', 'read'] as const),
  ...(['look at a file', 'look at a file', 'put a file back', 'commit a spill', 'release missing'] as const),
]

type Action =
  | 'push'
  | 'take'
  | 'read'
  | 'commit'
  | 'finish'
  | 'renew'
  | 'sleep'
  | 'crash'
  | 'recover'
  | 'release'
  | 'drop'
  | 'put back'
  | 'lose the set'
  | 'announce a spill'
  | 'write a file'
  | 'commit a spill'
  | 'cancel a spill'
  | 'look at a file'
  | 'put a file back'
  | 'lose a lease'
  | 'drop from files'
  | 'lose a file'
  | 'release missing'

async function listLeases(store: LeaseStore, source: SourceList): Promise<string[]> {
  const all: string[] = []
  for await (const ids of store.listLeases(source)) all.push(...ids)
  return all
}

/** As many as one read gives: at least one, then no more than the bounds allow. */
function within(records: readonly string[], most: number, mostBytes: number): string[] {
  let bytes = 0
  const end = records.findIndex((record, index) => {
    bytes += record.length
    return index >= most || (index > 0 && bytes > mostBytes)
  })
  return records.slice(0, end === -1 ? records.length : end)
}

async function orRefusal<T>(call: Promise<T>): Promise<T | Refusal> {
  try {
    return await call
  } catch (error) {
    if (error instanceof LeaseGoneError) return 'gone'
    if (error instanceof LeaseLostError) return 'lost'
    throw error
  }
}

it(
  `finds no difference between Redis and the model in ${STEPS} random steps, and no record in two places or none`,
  async () => {
    console.log(`TEK_LEASE_SEED=${SEED} TEK_LEASE_STEPS=${STEPS}`)
    const run = new Run()
    for (let step = 0; step < STEPS; step++) {
      try {
        await run.step()
      } catch (error) {
        const last = run.steps.map((text) => `  ${text}`).join('\n')
        throw new Error(`TEK_LEASE_SEED=${SEED}, step ${step}: ${(error as Error).message}\n${last}`, { cause: error })
      }
    }
    await run.finish()
    console.log([...run.counts].map(([name, count]) => `${name} ${count}`).join(', '))
    // Otherwise the run has looked at nothing.
    for (const [name] of WEIGHTS) expect(run.counts.get(name) ?? 0, name).toBeGreaterThan(STEPS / 200)
  },
  30_000 + STEPS * 20,
)
