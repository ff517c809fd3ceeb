/**
 * Pumps with a cap on leases, killed while records go to files and while they come back: in the middle of a write, between
 * the write, its name and what Redis says of it. No record is lost, and none is in Elasticsearch twice. TEK_FAULT_KILLS
 * decides how many kills there are, TEK_FAULT_SEED which of them come when.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type Random, createRandom } from '../support/random.ts'
import { redisSkipReason } from '../support/redis.ts'
import type { Fault } from './support/elasticsearch.ts'
import { RETURN_MOMENTS, SPILL_MOMENTS, inRandomTurn } from './support/moments.ts'
import { KILLS, SEED } from './support/settings.ts'
import { Stage } from './support/stage.ts'

const ALL = { ...SPILL_MOMENTS, ...RETURN_MOMENTS }
/** Each moment comes at least once. */
const SPILL_KILLS = Math.max(Object.keys(ALL).length, Math.ceil(KILLS / 3))
/** Side by side, because most of the time is spent waiting. */
const LANES = 2
const KILLS_PER_ROUND = 7
const WAIT_MS = 60_000
const ROUND_MS = 600_000

/** Records in leases. An eighth of it is one lease, and one file. */
const SPILL_BEYOND = 200

/** Faults that end as soon as they are healed, and during which nothing is under way for long. */
const FAULTS: readonly Fault[] = ['refuses connections', 'resets before it answers', 'answers 429', 'answers 503']

const reached = new Map<string, number>()
let [kills, records, repeatedRows, peakRssMb] = [0, 0, 0, 0]

beforeAll(() => console.log(`TEK_FAULT_SEED=${SEED} TEK_FAULT_KILLS=${KILLS}`))
afterAll(() => {
  const table = [...reached].map(([name, count]) => `  ${count} ${name}`).toSorted()
  console.log(
    [
      `${kills} kills of pumps that spill, ${records} records: 0 lost, 0 doubled if nothing failed`,
      `${repeatedRows} rows came again and were kept; a pump had ${peakRssMb.toFixed(0)} MB at most`,
      ...table,
    ].join('\n'),
  )
})

async function spilledSegments(stage: Stage): Promise<number> {
  const reports = await Promise.all([...stage.pumps].map((pump) => pump.ready()))
  return Math.max(...reports.map(({ lease_cap: cap }) => cap?.spilled.segments ?? 0))
}

async function killOnce(stage: Stage, random: Random, name: string): Promise<void> {
  const goesBack = name in RETURN_MOMENTS
  while (stage.pumps.size === 0 || (stage.pumps.size === 1 && random.next() < 0.2)) await stage.startPump()
  await stage.bury()
  await stage.first.misbehave(random.pick(FAULTS), random.next() < 0.5)
  const early = goesBack ? null : ALL[name]!(stage, random)
  await stage.push(2 * SPILL_BEYOND + random.integer(SPILL_BEYOND))
  if (goesBack) await eventually(async () => expect(await spilledSegments(stage)).toBeGreaterThan(1), WAIT_MS)
  const moment = early ?? ALL[name]!(stage, random)
  if (goesBack) await stage.first.heal()
  await moment.reached
  reached.set(name, (reached.get(name) ?? 0) + 1)
  // Not always the pump that has come to the moment: the other one then goes on there.
  await stage.kill(random.pick([...stage.pumps]))
  kills += 1
  moment.drop()
  await stage.expectNothingLost()
}

async function runRound(stage: Stage, random: Random, names: readonly string[]): Promise<void> {
  for (const name of names) await killOnce(stage, random, name)
  await stage.drain()
  for (const pump of stage.pumps) expect(await stage.stop(pump)).toBe(0)
  await stage.clear()
}

describe.skipIf(redisSkipReason() ?? process.platform !== 'linux').concurrent('pumps that spill', () => {
  const turns = inRandomTurn(Object.keys(ALL), SPILL_KILLS, createRandom(SEED))
  for (let lane = 0; lane < LANES; lane++) {
    const names = turns.filter((_, at) => at % LANES === lane)
    it(
      `lose nothing and double nothing in ${names.length} kills at chosen moments, lane ${lane}`,
      async () => {
        const random = createRandom(SEED + lane)
        await using stage = await Stage.create({ random, spillBeyond: SPILL_BEYOND })
        try {
          for (let at = 0; at < names.length; at += KILLS_PER_ROUND) {
            await runRound(stage, random, names.slice(at, at + KILLS_PER_ROUND))
          }
        } catch (error) {
          throw new Error(`TEK_FAULT_SEED=${SEED}, after ${kills} kills: ${(error as Error).message}`, { cause: error })
        } finally {
          records += stage.records
          repeatedRows += stage.repeatedRows
          peakRssMb = Math.max(peakRssMb, stage.peakRssMb)
        }
      },
      Math.ceil(names.length / KILLS_PER_ROUND) * ROUND_MS,
    )
  }
})
