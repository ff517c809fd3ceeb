import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import type { Taken } from '../limits/limiter.ts'
import { BucketOwner } from './bucket-owner.ts'
import type { BucketRequest } from './calls.ts'
import { createSharedBuckets, type SharedBuckets } from './shared-buckets.ts'

const START_MS = 1_700_000_000_000
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Fixture {
  readonly clock: { ms: number }
  readonly workers: readonly SharedBuckets[]
  readonly owner: BucketOwner
  /** Messages between the processes, both ways. */
  messages: number
}

/**
 * Workers and their parent; messages arrive after a turn of the event loop, in order.
 *
 * @param reserve - what every question asks for beyond its need, as after a time of much use.
 */
function fixture(count: number, { keepsReserves = true, reserve = 0 } = {}): Fixture {
  const clock = { ms: START_MS }
  const now = (): number => clock.ms
  const send = (deliver: () => void): void => {
    it.messages++
    setImmediate(deliver)
  }
  const owner = new BucketOwner({
    now,
    workers: count,
    grant: (worker, grants) => send(() => workers[worker]?.grant(grants)),
  })
  const workers = Array.from({ length: count }, (_, index) =>
    createSharedBuckets({
      now,
      count,
      keepsReserves,
      take(requests) {
        const wanting = requests.map(([name, rate, per, gateways, needed, wanted]): BucketRequest => {
          return [name, rate, per, gateways, needed, wanted + reserve]
        })
        send(() => owner.take(index, wanting))
      },
      giveBack: (returns) => send(() => owner.giveBack(index, returns)),
    }),
  )
  const it = { clock, workers, owner, messages: 0 }
  return it
}

const takeAt = async ({ workers }: Fixture, worker: number, rate: number, gateways = 1): Promise<Taken> =>
  (workers[worker] as SharedBuckets).take('b', rate, 60, gateways)

describe('a bucket of several workers', () => {
  test('allows exactly the rate, whichever workers the requests meet and in whichever bursts', async () => {
    const bursts = fc.array(fc.record({ worker: fc.nat(2), size: fc.integer({ min: 1, max: 60 }), pause: fc.nat(3) }), {
      maxLength: 40,
    })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 500 }), fc.nat(100), bursts, async (rate, reserve, all) => {
        const it = fixture(3, { reserve })
        const taken: Promise<Taken>[] = []
        for (const { worker, size, pause } of all) {
          for (let i = 0; i < size; i++) taken.push(takeAt(it, worker, rate))
          for (let i = 0; i < pause; i++) await turn()
        }
        const allowed = (await Promise.all(taken)).filter((each) => each.allowed)
        expect(allowed).toHaveLength(Math.min(rate, taken.length))
      }),
      { numRuns: 60 },
    )
  })

  test('refuses nobody while another worker has a reserve that may come back', async () => {
    const it = fixture(2)
    it.owner.take(0, [['b', 100, 60, 1, 1, 50]])
    const taken = Array.from({ length: 95 }, () => takeAt(it, 1, 100))
    let answered = 0
    for (const each of taken) void each.then(() => answered++)
    for (let i = 0; i < 5; i++) await turn()
    expect(answered).toBe(0)
    it.owner.giveBack(0, [['b', 10, START_MS + 60_000]])
    const allowed = (await Promise.all(taken)).filter((each) => each.allowed)
    // The first worker was given 12 and has used 2 of them.
    expect(allowed).toHaveLength(95)
    expect((await takeAt(it, 1, 100)).allowed).toBe(true)
  })

  test('answers at once from a reserve, which comes with much use', async () => {
    const it = fixture(2)
    await eventually(
      () => {
        const taken = (it.workers[0] as SharedBuckets).take('b', 1_000_000, 60, 1)
        expect(taken).not.toBeInstanceOf(Promise)
      },
      5000,
      1,
    )
  })

  test('asks for each request where its figures are shown', async () => {
    const it = fixture(2, { keepsReserves: false, reserve: 0 })
    for (let i = 0; i < 20; i++) await takeAt(it, i % 2, 100)
    expect(await takeAt(it, 0, 100)).toEqual({ allowed: true, remaining: 79, resetAtMs: START_MS + 60_000 })
    expect(await takeAt(it, 1, 100)).toEqual({ allowed: true, remaining: 78, resetAtMs: START_MS + 60_000 })
  })

  test('refuses without asking once it is empty, until the window ends', async () => {
    const it = fixture(2)
    await takeAt(it, 0, 1)
    expect((await takeAt(it, 0, 1)).allowed).toBe(false)
    const before = it.messages
    expect((it.workers[0] as SharedBuckets).take('b', 1, 60, 1)).toEqual({
      allowed: false,
      remaining: 0,
      resetAtMs: START_MS + 60_000,
    })
    expect((it.workers[0] as SharedBuckets).hasRoom('b', 1)).toBe(false)
    expect(it.messages).toBe(before)
    it.clock.ms += 60_000
    expect((it.workers[0] as SharedBuckets).hasRoom('b', 1)).toBe(true)
    expect((await takeAt(it, 0, 1)).allowed).toBe(true)
  })

  test('counts what an ended worker held as used, and keeps nobody waiting for it', async () => {
    const it = fixture(2)
    it.owner.take(0, [['b', 10, 60, 1, 1, 10]])
    const [first, second] = [takeAt(it, 1, 10), takeAt(it, 1, 10)]
    const rest = Array.from({ length: 10 }, () => takeAt(it, 1, 10))
    await turn()
    it.owner.forget(0)
    const all = await Promise.all([first, second, ...rest])
    expect(all.filter((each) => each.allowed).length).toBeGreaterThanOrEqual(8)
    expect(all.filter((each) => each.allowed).length).toBeLessThanOrEqual(9)
  })

  test('costs as many requests as there are gateways', async () => {
    const it = fixture(2)
    const taken = await Promise.all(Array.from({ length: 10 }, (_, i) => takeAt(it, i % 2, 10, 2)))
    expect(taken.filter((each) => each.allowed)).toHaveLength(5)
  })

  test('is divided when the parent does not answer', async () => {
    const clock = { ms: START_MS }
    const alone = createSharedBuckets({
      now: () => clock.ms,
      count: 2,
      keepsReserves: true,
      take: () => (clock.ms += 2000),
      giveBack: () => {},
    })
    const taken = await Promise.all(Array.from({ length: 10 }, async () => alone.take('b', 10, 60, 1)))
    expect(taken.filter((each) => each.allowed)).toHaveLength(5)
  })

  test('keeps nobody waiting twice for a parent that is silent, until something comes from it', async () => {
    const clock = { ms: START_MS }
    let questions = 0
    const buckets = createSharedBuckets({
      now: () => clock.ms,
      count: 2,
      keepsReserves: true,
      take: () => {
        questions++
        clock.ms += 2000
      },
      giveBack: () => {},
    })
    expect(await buckets.take('b', 10, 60, 1)).toMatchObject({ allowed: true })
    for (let i = 0; i < 4; i++) expect(buckets.take('b', 10, 60, 1)).toMatchObject({ allowed: true })
    expect(buckets.take('b', 10, 60, 1)).toMatchObject({ allowed: false })
    expect(questions).toBe(1)
    buckets.grant([['b', 1, 9, clock.ms + 60_000]])
    expect(buckets.take('b', 10, 60, 1)).toBeInstanceOf(Promise)
  })
})
