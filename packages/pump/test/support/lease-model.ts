/** What leases and spilled segments are, in plain memory: the rules that the Lua scripts are held against. */

export interface ModelLease {
  /** All records it ever had, oldest first. */
  readonly records: readonly string[]
  /** By sink, how far it has acknowledged. A sink that is not here does not need the lease. */
  readonly offsets: Map<string, number>
  /** By sink, the token of the hold that may move its offset. */
  readonly holders: Map<string, string>
  /** For the sinks it names and no others. */
  readonly only: boolean
  /** It was claimed, so others than its first pump may end it; or a file has its records as well. */
  moved: boolean | 'file'
  /** The segment it was made of, and the offset in that of its first record; null: it was not, or nobody has the file. */
  segment: { readonly id: string; readonly base: number } | null
  /** Its id is in the set of leases. */
  listed: boolean
  /** Records that were trimmed. */
  acked: number
}

export interface ModelClaim {
  readonly id: string
  readonly total: number
  readonly offsets: readonly (number | null)[]
  readonly whole: boolean
}

interface ModelEnd {
  readonly by: string
  /** The pump with the file has not seen it. */
  isKept: boolean
}

export interface ModelEntry {
  state: 'writing' | 'useless' | 'spilled'
  readonly token: string
  readonly total: number
  /** By sink. */
  readonly offsets: Map<string, number>
  /** By lease, by sink. */
  readonly back: Map<string, Map<string, number>>
  readonly given: Map<string, number>
  /** By sink, the tokens of pumps that are to bring it back. */
  readonly holders: Map<string, readonly string[]>
  missing: boolean
}

interface ModelSource {
  waiting: string[]
  readonly leases: Map<string, ModelLease>
  /** By lease that others than its first pump may have ended: who has. */
  readonly finished: Map<string, ModelEnd>
  /** What is known of segments in files, by id. */
  readonly spilled: Map<string, ModelEntry>
  /** Segments that were given up without their files. */
  readonly released: Set<string>
  /** Owners that count as alive. */
  readonly living: Set<string>
}

export const ownerOf = (token: string): string => token.slice(0, token.lastIndexOf('#'))

export const totalOf = ({ records }: ModelLease): number => records.length

/** Sources with what waits in them and their leases. Every method answers what the scripts are to answer. */
export class LeaseModel {
  readonly #sources = new Map<string, ModelSource>()

  source(key: string): ModelSource {
    const found = this.#sources.get(key)
    if (found !== undefined) return found
    const made: ModelSource = {
      waiting: [],
      leases: new Map(),
      finished: new Map(),
      spilled: new Map(),
      released: new Set(),
      living: new Set(),
    }
    this.#sources.set(key, made)
    return made
  }

  lease(key: string, id: string): ModelLease | undefined {
    return this.source(key).leases.get(id)
  }

  take(key: string, id: string, owner: string, token: string, sinks: readonly string[]): number {
    const source = this.source(key)
    if (source.waiting.length === 0) return 0
    const lease: ModelLease = {
      records: source.waiting,
      offsets: new Map(sinks.map((sink) => [sink, 0])),
      holders: new Map(sinks.map((sink) => [sink, token])),
      only: false,
      moved: false,
      segment: null,
      listed: true,
      acked: 0,
    }
    source.leases.set(id, lease)
    source.waiting = []
    source.living.add(owner)
    return totalOf(lease)
  }

  read(key: string, id: string, token: string, sinks: readonly string[], offset: number): readonly string[] | Refusal {
    const lease = this.lease(key, id)
    if (lease === undefined) return this.#missing(key, id, token)
    if (!sinks.some((sink) => lease.holders.get(sink) === token) || offset < lease.acked) return 'lost'
    return lease.records.slice(offset)
  }

  commit(key: string, id: string, token: string, sink: string, to: number): number | Refusal {
    const lease = this.lease(key, id)
    if (lease === undefined) return this.#missing(key, id, token)
    const offset = lease.offsets.get(sink)
    if (lease.holders.get(sink) !== token || offset === undefined) return 'lost'
    lease.offsets.set(sink, Math.max(offset, to))
    const back = this.#backOf(key, id, lease)
    if (to > offset && back?.has(sink)) back.set(sink, (lease.segment?.base ?? 0) + to)
    this.#trim(key, id, lease, lease.moved === false ? null : token)
    return totalOf(lease) - lease.acked
  }

  claim(
    key: string,
    owner: string,
    token: string,
    sinks: readonly string[],
    ids: ReadonlyMap<string, readonly string[]>,
  ) {
    const { leases, living } = this.source(key)
    const claimed: ModelClaim[] = []
    const waiting = new Map<string, { leases: number; records: number }>()
    for (const [id, known] of ids) {
      const lease = leases.get(id)
      if (lease === undefined) continue
      const isHeld = (holder: string | undefined): boolean =>
        holder !== undefined && ((ownerOf(holder) !== owner && living.has(ownerOf(holder))) || known.includes(holder))
      const occupied = [...lease.holders.values()].some(isHeld)
      const total = totalOf(lease)
      let whole = true
      const offsets = sinks.map((sink) => {
        const named = lease.offsets.get(sink)
        const offset = named ?? (occupied || lease.only ? total : lease.acked)
        if (offset >= total) return null
        if (!isHeld(lease.holders.get(sink))) return offset
        whole = false
        return null
      })
      for (const [sink, offset] of lease.offsets) {
        if (sinks.includes(sink) || offset >= total) continue
        whole = false
        if (isHeld(lease.holders.get(sink))) continue
        const sum = waiting.get(sink) ?? { leases: 0, records: 0 }
        waiting.set(sink, { leases: sum.leases + 1, records: sum.records + total - offset })
        lease.listed = true
      }
      if (offsets.every((offset) => offset === null)) continue
      for (const [index, offset] of offsets.entries()) {
        if (offset === null) continue
        lease.offsets.set(sinks[index] ?? '', offset)
        lease.holders.set(sinks[index] ?? '', token)
      }
      if (lease.moved === false) lease.moved = true
      lease.listed = true
      claimed.push({ id, total, offsets, whole })
    }
    if (claimed.length > 0) living.add(owner)
    return { claimed, waiting }
  }

  release(key: string, id: string, token: string, begun: boolean): 'returned' | 'left' | 'lost' {
    const source = this.source(key)
    const lease = source.leases.get(id)
    const held = [...(lease?.offsets.keys() ?? [])].filter((sink) => lease?.holders.get(sink) === token)
    if (lease === undefined || held.length === 0) return 'lost'
    if (begun || held.length < lease.offsets.size || lease.only) {
      for (const sink of held) lease.holders.delete(sink)
      return 'left'
    }
    source.waiting = [...lease.records.slice(lease.acked), ...source.waiting]
    source.leases.delete(id)
    return 'returned'
  }

  /** What waits for a sink in nobody's hands is given up. Only listed leases are seen. */
  drop(key: string, sink: string): { held: Backlog; waiting: Backlog } {
    const { leases, living } = this.source(key)
    const sums = { held: { leases: 0, records: 0 }, waiting: { leases: 0, records: 0 } }
    for (const [id, lease] of leases) {
      const waits = totalOf(lease) - (lease.offsets.get(sink) ?? Infinity)
      if (!lease.listed || waits <= 0) continue
      const holder = lease.holders.get(sink)
      const held = holder !== undefined && living.has(ownerOf(holder))
      const sum = held ? sums.held : sums.waiting
      sum.leases += 1
      sum.records += waits
      if (held) continue
      lease.offsets.delete(sink)
      lease.holders.delete(sink)
      this.#backOf(key, id, lease)?.delete(sink)
      this.#trim(key, id, lease, 'released')
    }
    return sums
  }

  /** Whether records that come back in a lease of this id wait already for all the sinks, or some are in hands. */
  isBack(key: string, id: string, sinks: readonly string[]): 'waits' | 'under way' | 'no' {
    const { spilled } = this.source(key)
    const lease = this.lease(key, id)
    if (lease !== undefined) {
      const { offsets, holders } = lease
      const waits = sinks.every((sink) => offsets.get(sink) === 0 && !this.#lives(key, holders.get(sink) ?? '', null))
      return waits ? 'waits' : 'under way'
    }
    let isUnderWay = false
    for (const [segmentId, { state, missing, offsets, back, total }] of spilled) {
      if (!segmentId.startsWith(`${id}~`) || state !== 'spilled' || missing) continue
      if (sinks.every((sink) => offsets.get(sink) === 0)) return 'waits'
      const parts = [offsets, ...back.values()]
      isUnderWay ||= sinks.some((sink) => parts.some((part) => (part.get(sink) ?? total) < total))
    }
    return isUnderWay ? 'under way' : 'no'
  }

  /** @param id - As it came to be called. */
  putBack(key: string, id: string, sinks: readonly string[], records: readonly string[]): void {
    const offsets = new Map(sinks.map((sink) => [sink, 0]))
    const lease: ModelLease = {
      records,
      offsets,
      holders: new Map(),
      only: true,
      moved: false,
      segment: null,
      listed: true,
      acked: 0,
    }
    this.source(key).leases.set(id, lease)
  }

  announce(key: string, id: string, token: string, segmentId: string): ModelEntry | null {
    const lease = this.lease(key, id)
    if (lease === undefined) return null
    const total = totalOf(lease)
    const pending = [...lease.offsets].filter(([, offset]) => offset < total)
    if (pending.some(([sink]) => lease.holders.get(sink) !== token)) return null
    const entry: ModelEntry = {
      state: 'writing',
      token,
      total,
      offsets: new Map(pending),
      back: new Map(),
      given: new Map(),
      holders: new Map(pending.map(([sink]) => [sink, [token]])),
      missing: false,
    }
    this.source(key).spilled.set(segmentId, entry)
    return entry
  }

  commitSpill(key: string, id: string, token: string, segmentId: string): 'done' | 'refused' | 'alone' {
    const { leases, spilled, finished } = this.source(key)
    const [lease, entry] = [leases.get(id), spilled.get(segmentId)]
    if (entry === undefined) return lease === undefined ? 'alone' : 'refused'
    if (entry.state === 'spilled') return 'done'
    if (entry.state !== 'writing' || entry.token !== token || lease === undefined) return 'refused'
    const moved = [...entry.offsets].some(([sink, offset]) => lease.offsets.get(sink) !== offset)
    const came = [...lease.offsets].some(([sink, offset]) => offset < entry.total && !entry.offsets.has(sink))
    if (moved || came || [...entry.offsets.keys()].some((sink) => lease.holders.get(sink) !== token)) return 'refused'
    leases.delete(id)
    entry.state = 'spilled'
    if (lease.moved !== false) finished.set(id, { by: token, isKept: lease.moved === 'file' })
    return 'done'
  }

  cancelSpill(key: string, segmentId: string, token: string, isGone: boolean): void {
    const { spilled } = this.source(key)
    const entry = spilled.get(segmentId)
    if (entry === undefined || entry.state === 'spilled' || entry.token !== token) return
    entry.state = 'useless'
    if (isGone) spilled.delete(segmentId)
  }

  settle(key: string, segmentId: string, question: ModelQuestion): ModelWorth {
    const { leases, finished, spilled, released } = this.source(key)
    const { leaseId, owner, sinks, isWriting, isThere, made } = question
    const entry = spilled.get(segmentId)
    if (entry === undefined) {
      if (isThere !== true) return 'gone'
      if (released.has(segmentId)) return 'released'
      if (!leases.has(leaseId)) return 'alone'
      const [offsets, back, given, holders] = [new Map(), new Map(), new Map(), new Map()]
      const useless = { state: 'useless', token: `${owner}#0`, total: 0, offsets, back, given, holders } as const
      spilled.set(segmentId, { ...useless, missing: false })
      return 'useless'
    }
    if (entry.state === 'useless') return 'useless'
    if (entry.state === 'writing') {
      const isOwn = ownerOf(entry.token) === owner
      if (this.#lives(key, entry.token, owner) && (!isOwn || isWriting)) return 'busy'
      entry.state = 'useless'
      return 'useless'
    }
    for (const id of made) {
      const back = entry.back.get(id)
      if (back === undefined || leases.has(id)) continue
      const end = finished.get(id)
      if (end !== undefined) end.isKept = false
      else for (const [sink, offset] of back) if (offset < entry.total) entry.offsets.set(sink, offset)
      entry.back.delete(id)
    }
    const waits = entry.offsets.size + entry.given.size > 0
    if (isThere === false && waits && !entry.missing) {
      entry.missing = true
      entry.holders.clear()
    }
    if (isThere === true) entry.missing = false
    if (isThere !== false) {
      for (const sink of sinks) {
        const holders = entry.holders.get(sink) ?? []
        if (!entry.offsets.has(sink) || holders.some((token) => ownerOf(token) === owner)) continue
        const living = holders.filter((token) => this.#lives(key, token, null))
        entry.holders.set(sink, [...living, `${owner}#0`])
      }
    }
    return waits || entry.back.size > 0 ? 'spilled' : 'done'
  }

  /** Returns the sinks that the lease is for; null: the file does not count. */
  putSpilled(key: string, segmentId: string, put: ModelPut): ReadonlySet<string> | null {
    const { leases, spilled, living } = this.source(key)
    const entry = spilled.get(segmentId)
    if (entry === undefined || entry.state !== 'spilled') return null
    const { id, owner, token, base, offsets, records } = put
    const taken = [...offsets].filter(([sink, offset]) => entry.offsets.get(sink) === base + offset)
    if (taken.length > 0) {
      leases.set(id, {
        records,
        offsets: new Map(taken),
        holders: new Map(taken.map(([sink]) => [sink, token])),
        only: true,
        moved: 'file',
        segment: { id: segmentId, base },
        listed: true,
        acked: 0,
      })
      entry.back.set(id, new Map(taken.map(([sink, offset]) => [sink, base + offset])))
      for (const [sink] of taken) entry.offsets.delete(sink)
      living.add(owner)
    }
    return new Set(taken.map(([sink]) => sink))
  }

  /** What waits in files for a sink in nobody's hands is given up. */
  dropSpilled(key: string, sink: string, ledger: boolean): { held: ModelSum; waiting: ModelSum } {
    const sums = { held: { segments: 0, records: 0 }, waiting: { segments: 0, records: 0 } }
    for (const entry of this.source(key).spilled.values()) {
      const offset = entry.state === 'spilled' ? entry.offsets.get(sink) : undefined
      if (offset === undefined) continue
      const held = (entry.holders.get(sink) ?? []).some((token) => this.#lives(key, token, null))
      const sum = held ? sums.held : sums.waiting
      sum.segments += 1
      sum.records += entry.total - offset
      if (held) continue
      entry.offsets.delete(sink)
      if (ledger) entry.given.set(sink, offset)
    }
    return sums
  }

  /** @param sink - null: all. Returns by sink what is given up; null: nothing, because it is not for the sink. */
  releaseMissing(key: string, segmentId: string, sink: string | null): ReadonlyMap<string, number> | null {
    const { leases, finished, spilled, released } = this.source(key)
    const entry = spilled.get(segmentId)
    if (entry === undefined) return null
    const waiting = new Map([...entry.given, ...entry.offsets].filter(([name]) => sink === null || name === sink))
    if (sink !== null && waiting.size === 0) return null
    for (const name of waiting.keys()) {
      entry.offsets.delete(name)
      entry.given.delete(name)
    }
    if (entry.offsets.size + entry.given.size > 0) return waiting
    for (const id of entry.back.keys()) {
      const [lease, end] = [leases.get(id), finished.get(id)]
      if (lease !== undefined) {
        lease.moved = true
        lease.segment = null
      }
      if (end !== undefined) end.isKept = false
    }
    spilled.delete(segmentId)
    released.add(segmentId)
    return waiting
  }

  /** Redis loses a lease, which nobody has finished. */
  loseLease(key: string, id: string): void {
    this.source(key).leases.delete(id)
  }

  /** The bookkeeping of which leases there are is lost; the leases are not. */
  loseSet(key: string): void {
    for (const lease of this.source(key).leases.values()) lease.listed = false
  }

  /** What the entry of its segment says of a lease; undefined: it was made of none. */
  #backOf(key: string, id: string, { segment }: ModelLease): Map<string, number> | undefined {
    return segment === null ? undefined : this.source(key).spilled.get(segment.id)?.back.get(id)
  }

  #lives(key: string, token: string, self: string | null): boolean {
    return ownerOf(token) === self || this.source(key).living.has(ownerOf(token))
  }

  /** @param by - Who is remembered when that ends it; null: nobody. */
  #trim(key: string, id: string, lease: ModelLease, by: string | null): void {
    lease.acked = Math.max(lease.acked, Math.min(totalOf(lease), ...lease.offsets.values()))
    if (lease.acked < totalOf(lease)) return
    const { leases, finished } = this.source(key)
    leases.delete(id)
    if (by !== null) finished.set(id, { by, isKept: lease.moved === 'file' })
  }

  #missing(key: string, id: string, token: string): Refusal {
    const by = this.source(key).finished.get(id)?.by
    return by === undefined || by === token ? 'gone' : 'lost'
  }
}

export interface ModelQuestion {
  /** The lease that the segment was. */
  readonly leaseId: string
  /** Empty: a person asks. */
  readonly owner: string
  readonly sinks: readonly string[]
  readonly isWriting: boolean
  /** null: not known. */
  readonly isThere: boolean | null
  /** Leases that were made of it, as far as is known. */
  readonly made: readonly string[]
}

export type ModelWorth = 'spilled' | 'done' | 'useless' | 'busy' | 'alone' | 'released' | 'gone'

export interface ModelPut {
  /** Of the lease. */
  readonly id: string
  readonly owner: string
  readonly token: string
  readonly base: number
  readonly offsets: ReadonlyMap<string, number>
  readonly records: readonly string[]
}

export interface ModelSum {
  segments: number
  records: number
}

export interface Backlog {
  leases: number
  records: number
}

/** No such lease; or not in the hands of the one who asks, or ended by others. */
export type Refusal = 'gone' | 'lost'
