// Hot path.
import type { Buckets } from '../limits/distributed.ts'
import type { Taken } from '../limits/limiter.ts'
import { createLocalBuckets } from '../limits/local-buckets.ts'
import type { BucketGrant, BucketRequest, BucketReturn } from './calls.ts'

export interface SharedBucketsOptions {
  readonly now: () => number
  /** Processes that count together. */
  readonly count: number
  /** Asks for more than waiting requests need where a bucket is in much use. */
  readonly keepsReserves: boolean
  /** Asks the parent; the answer comes as a grant. */
  take(requests: readonly BucketRequest[]): void
  giveBack(returns: readonly BucketReturn[]): void
}

export interface SharedBuckets extends Buckets {
  grant(grants: readonly BucketGrant[]): void
}

/** How long a reserve is kept. Whoever finds a bucket empty but for reserves waits for them as long. */
const KEEP_MS = 50
/** A parent that has not answered for so long is taken as gone. */
const ANSWER_DEADLINE_MS = 1000
/** Names whose refusals are remembered. */
const MAX_REFUSALS = 100_000

/** What this process knows of one bucket while it is in use. */
interface Held {
  readonly name: string
  readonly rate: number
  readonly perSeconds: number
  gateways: number
  /** Requests it may allow without asking. */
  reserve: number
  /** Whether there was a reserve since the last return. */
  hadReserve: boolean
  left: number
  windowEndMs: number
  /** Requests of this stretch of `KEEP_MS`, and of the one before. */
  taken: number
  takenBefore: number
  askedAtMs: number | null
  askedFor: number
  waiting: ((taken: Taken) => void)[]
}

/**
 * Rates counted by the parent, so that all processes count as one.
 *
 * Needs of one turn of the event loop go there together. A bucket in much use is asked for no more than once per
 * `KEEP_MS` or so, and answers at once in between; one that is empty refuses until its window ends, without asking. If the
 * parent does not answer, this process allows its equal part.
 */
export function createSharedBuckets(options: SharedBucketsOptions): SharedBuckets {
  const { now, count, keepsReserves } = options
  const inUse = new Map<string, Held>()
  const refusals = new Map<string, Taken>()
  const alone = createLocalBuckets(now)
  let due: Held[] = []
  let timer: NodeJS.Timeout | null = null
  /** Until something comes from it: each request would wait for the deadline otherwise. */
  let parentIsSilent = false

  function heldOf(name: string, rate: number, perSeconds: number, gateways: number): Held {
    let held = inUse.get(name)
    if (held === undefined) {
      held = {
        name,
        rate,
        perSeconds,
        gateways,
        reserve: 0,
        hadReserve: false,
        left: 0,
        windowEndMs: 0,
        taken: 0,
        takenBefore: 0,
        askedAtMs: null,
        askedFor: 0,
        waiting: [],
      }
      inUse.set(name, held)
      timer ??= setTimeout(tick, KEEP_MS).unref()
    }
    held.gateways = gateways
    return held
  }

  function ask(held: Held): void {
    if (held.askedAtMs !== null) return
    held.askedAtMs = now()
    if (due.push(held) === 1) setImmediate(askAll)
  }

  function askAll(): void {
    const requests = due.map((held): BucketRequest => {
      const { name, rate, perSeconds, gateways, waiting, takenBefore } = held
      held.askedFor = waiting.length
      held.reserve = 0
      held.hadReserve = false
      const wanted = keepsReserves ? Math.max(waiting.length, takenBefore) : waiting.length
      return [name, rate, perSeconds, gateways, waiting.length, wanted]
    })
    due = []
    options.take(requests)
  }

  function refuse(name: string, resetAtMs: number): Taken {
    const refusal: Taken = { allowed: false, remaining: 0, resetAtMs }
    if (refusals.size >= MAX_REFUSALS) refusals.clear()
    refusals.set(name, refusal)
    return refusal
  }

  function refusalOf(name: string): Taken | undefined {
    const refusal = refusals.get(name)
    if (refusal === undefined || now() < refusal.resetAtMs) return refusal
    refusals.delete(name)
    return undefined
  }

  function useReserve(held: Held): Taken {
    held.reserve--
    return { allowed: true, remaining: held.left + held.reserve, resetAtMs: held.windowEndMs }
  }

  /** Returns reserves, forgets what is not in use, and goes on alone where no answer has come. */
  function tick(): void {
    timer = null
    const at = now()
    const returns: BucketReturn[] = []
    for (const held of inUse.values()) {
      if (held.hadReserve) returns.push([held.name, held.reserve, held.windowEndMs])
      held.reserve = 0
      held.hadReserve = false
      if (held.askedAtMs !== null && at - held.askedAtMs > ANSWER_DEADLINE_MS) goAlone(held)
      if (held.waiting.length === 0 && held.taken === 0 && held.askedAtMs === null) inUse.delete(held.name)
      held.takenBefore = held.taken
      held.taken = 0
    }
    if (returns.length > 0) options.giveBack(returns)
    if (inUse.size > 0) timer = setTimeout(tick, KEEP_MS).unref()
  }

  function goAlone(held: Held): void {
    held.askedAtMs = null
    parentIsSilent = true
    const { name, rate, perSeconds, gateways } = held
    for (const resolve of held.waiting.splice(0)) resolve(alone.take(name, rate, perSeconds, gateways * count))
  }

  return {
    take(name, rate, perSeconds, gateways) {
      const refusal = refusalOf(name)
      if (refusal !== undefined) return refusal
      if (parentIsSilent) return alone.take(name, rate, perSeconds, gateways * count)
      const held = heldOf(name, rate, perSeconds, gateways)
      held.taken++
      if (held.reserve > 0 && now() < held.windowEndMs) return useReserve(held)
      return new Promise((resolve) => {
        held.waiting.push(resolve)
        ask(held)
      })
    },
    // Whether there is room, only the parent knows; it says so when it is asked for a request.
    hasRoom: (name) => refusalOf(name) === undefined,
    grant(grants) {
      parentIsSilent = false
      for (const [name, granted, left, windowEndMs] of grants) {
        const held = inUse.get(name)
        // It went on alone meanwhile: what came too late counts as used.
        if (held === undefined || held.askedAtMs === null) continue
        held.askedAtMs = null
        held.left = left
        held.windowEndMs = windowEndMs
        held.reserve = granted
        held.hadReserve = granted > held.askedFor
        for (const resolve of held.waiting.splice(0, granted)) resolve(useReserve(held))
        if (held.waiting.length === 0) continue
        // Those that came after the question were not asked for.
        if (granted >= held.askedFor) ask(held)
        else for (const resolve of held.waiting.splice(0)) resolve(refuse(name, windowEndMs))
      }
    },
  }
}
