/**
 * Elasticsearch is away while 2,000 records come every second: none is lost, and the rate at which they are delivered
 * afterwards is printed beside the usual one of the same run. TEK_FAULT_OUTAGE_SECONDS is how long (20); from a minute on
 * the rate must be four fifths of the usual one at least.
 *
 * The usual rate is that of the same work with nothing wrong before it: as many records, in as many leases of the same
 * size, which the second sink has as well; both targets answer.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { createRandom } from '../support/random.ts'
import { redisSkipReason } from '../support/redis.ts'
import { OUTAGE_SECONDS, SEED } from './support/settings.ts'
import { Stage } from './support/stage.ts'
import type { WatchedPump } from './support/watched-pump.ts'

const PER_SECOND = 2_000
/** Pushes in each second. */
const TICKS = 10
const RECORDS = PER_SECOND * OUTAGE_SECONDS
const WARM_UP_RECORDS = 40_000
/** Shorter outages leave so little to deliver that the rate is one of chance. */
const RATED_FROM_SECONDS = 60
const LEAST_SHARE = 0.8
const DRAIN_MS = 60_000 + OUTAGE_SECONDS * 1_000

beforeAll(() => console.log(`TEK_FAULT_SEED=${SEED} TEK_FAULT_OUTAGE_SECONDS=${OUTAGE_SECONDS}`))

/**
 * Records per second over the second half of RECORDS that are stored from now on. The first half is for the way out of a
 * pause.
 */
async function rate(stage: Stage): Promise<number> {
  const { stored } = stage.first
  const before = stored.size
  await eventually(() => expect(stored.size).toBeGreaterThanOrEqual(before + RECORDS / 2), DRAIN_MS, 1)
  const [from, startedAt] = [stored.size, performance.now()]
  await eventually(() => expect(stored.size).toBe(before + RECORDS), DRAIN_MS, 1)
  return ((before + RECORDS - from) * 1000) / (performance.now() - startedAt)
}

/** Resolves when the second target has so many records. */
async function secondHas(stage: Stage, records: number): Promise<void> {
  await eventually(async () => {
    await stage.second.refresh()
    expect(stage.second.rows.size).toBe(records)
  }, DRAIN_MS)
}

/**
 * The usual rate of a pump that has nothing to do, with RECORDS that wait for the first sink in leases as it takes them when
 * 2,000 records come every second. It sleeps while another one, without that sink, brings them to the second sink.
 */
async function usualRate(stage: Stage, pump: WatchedPump): Promise<number> {
  pump.program.kill('SIGSTOP')
  for (let second = 0; second < OUTAGE_SECONDS; second++) {
    for (let tick = 0; tick < TICKS; tick++) await stage.push(PER_SECOND / TICKS)
    await stage.lease()
  }
  const other = await stage.startPump(['second'])
  await secondHas(stage, stage.records)
  expect(await stage.stop(other)).toBe(0)
  const rated = rate(stage)
  pump.program.kill('SIGCONT')
  return rated
}

it.skipIf(redisSkipReason() ?? process.platform !== 'linux')(
  `loses nothing while Elasticsearch is away for ${OUTAGE_SECONDS} s under ${PER_SECOND} records per second`,
  async () => {
    await using stage = await Stage.create({ random: createRandom(SEED), bulkActions: 1_000 })
    // No pump is killed with what it has written, so nothing has to be noted when a lease changes hands: it takes a while.
    stage.proxy.look = null
    const pump = await stage.startPump()
    // What a process compiles when it is new is compiled then.
    for (let left = WARM_UP_RECORDS; left > 0; left -= PER_SECOND) await stage.push(PER_SECOND)
    await stage.drain()
    const usual = await usualRate(stage, pump)
    const before = stage.first.stored.size

    await stage.first.misbehave('refuses connections')
    const startedAt = performance.now()
    for (let tick = 1; tick <= OUTAGE_SECONDS * TICKS; tick++) {
      await stage.push(PER_SECOND / TICKS)
      // The rate is what is tested, so the clock decides when the next ones come.
      await delay(Math.max(0, startedAt + (tick * 1000) / TICKS - performance.now()))
    }
    const seconds = (performance.now() - startedAt) / 1000
    expect(await pump.ready()).toMatchObject({ ready: false, sinks: { FIRST: { status: 'failing' } } })
    // The second sink has everything while the first one has nothing of it.
    await secondHas(stage, stage.records)
    expect(stage.first.stored.size).toBe(before)
    const rated = rate(stage)
    await stage.first.heal()
    const after = await rated
    await stage.drain()
    console.log(
      `${RECORDS} records in ${seconds.toFixed(1)} s of outage, 0 lost; delivered afterwards at ${after.toFixed(0)} per ` +
        `second, ${((100 * after) / usual).toFixed(0)} % of the usual ${usual.toFixed(0)}; ` +
        `at most ${stage.peakRssMb.toFixed(0)} MB resident`,
    )
    if (OUTAGE_SECONDS < RATED_FROM_SECONDS || after >= LEAST_SHARE * usual) return
    // The machine may have become slower meanwhile, for this and for everything.
    const usualNow = await usualRate(stage, pump)
    console.log(
      `after that the usual rate is ${usualNow.toFixed(0)}, and that was ${((100 * after) / usualNow).toFixed(0)} % of it`,
    )
    expect(after / usualNow).toBeGreaterThanOrEqual(LEAST_SHARE)
    await stage.drain()
  },
  120_000 + 8 * DRAIN_MS,
)
