/**
 * Pumps that are killed at every step of their work, hundreds of times: no record is lost, and none is in Elasticsearch
 * twice, nor in a file without need. TEK_FAULT_KILLS is how many (40), TEK_FAULT_SEED decides which, when and how.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Random, createRandom } from '../support/random.ts'
import { redisSkipReason } from '../support/redis.ts'
import type { Fault } from './support/elasticsearch.ts'
import { MOMENTS, inRandomTurn } from './support/moments.ts'
import { KILLS, SEED } from './support/settings.ts'
import { Stage } from './support/stage.ts'

/** Side by side, because most of the time is spent waiting. */
const LANES = 2
/** Kills after which everything is drained and looked at. */
const KILLS_PER_ROUND = 8
/** A moment that does not come within this time is given up, and the pump killed wherever it is. */
const MOMENT_MS = 10_000
const ROUND_MS = 180_000
/** Kills after which a long run says how far it is. */
const REPORT_EVERY = 50

/** Faults under which a pump can be killed, and after which it is at work again without waiting for long. */
const FAULTS: readonly Fault[] = [
  'resets before it answers',
  'resets in the middle of its answer',
  'answers 429',
  'answers 429 to every seventh item',
  'answers 400 to the fourth item',
  'answers 413 to more than eight items',
  'answers 503',
  'answers fewer items than it was sent',
  'answers 409 to what it has just stored',
]

const reached = new Map<string, number>()
const missed = new Map<string, number>()
let [kills, stops, records, conflicts, repeatedRows, peakRssMb] = [0, 0, 0, 0, 0, 0]

beforeAll(() => console.log(`TEK_FAULT_SEED=${SEED} TEK_FAULT_KILLS=${KILLS}`))
afterAll(() => {
  const table = [...reached].map(([name, count]) => `  ${count} ${name}`).toSorted()
  const missing = [...missed].map(
    ([name, count]) => `  ${count} elsewhere, because they never came to the moment ${name}`,
  )
  console.log(
    [
      `${kills} kills, ${stops} ordered stops, ${records} records: 0 lost, 0 doubled if nothing failed`,
      `${conflicts} documents came again and were refused by their id, ${repeatedRows} rows came again and were kept`,
      `a pump had ${peakRssMb.toFixed(0)} MB at most`,
      ...table,
      ...missing,
    ].join('\n'),
  )
})

async function killOnce(stage: Stage, random: Random, name: string): Promise<void> {
  if (stage.pumps.size === 0 || (stage.pumps.size === 1 && random.next() < 0.3)) await stage.startPump()
  const letters = name.includes('dead letters')
  if (!letters && random.next() < 0.3) await stage.first.misbehave(random.pick(FAULTS), random.next() < 0.5)
  const moment = MOMENTS[name]!(stage, random)
  // What a dead pump left is found at once, or only after others have come.
  if (random.next() < 0.5 || name.includes('recovery')) await stage.bury()
  await stage.push(20 + random.integer(180), letters ? 0.2 : 0.02)
  const came = await Promise.race([moment.reached.then(() => true), delay(MOMENT_MS, false, { ref: false })])
  const counts = came ? reached : missed
  counts.set(name, (counts.get(name) ?? 0) + 1)
  // Not always the pump that has come to the moment: the other one then finds its connection cut there.
  await stage.kill(random.pick([...stage.pumps]))
  kills += 1
  if (kills % REPORT_EVERY === 0) console.log(`${kills} of ${KILLS} kills`)
  moment.drop()
  await stage.first.heal()
  await stage.expectNothingLost()
}

async function runRound(stage: Stage, random: Random, names: readonly string[]): Promise<void> {
  for (const name of names) await killOnce(stage, random, name)
  await stage.drain()
  for (const pump of stage.pumps) {
    expect(await stage.stop(pump)).toBe(0)
    stops += 1
  }
  await stage.clear()
}

describe.skipIf(redisSkipReason() ?? process.platform !== 'linux').concurrent('pumps that are killed', () => {
  for (let lane = 0; lane < LANES; lane++) {
    const mine = Math.floor(KILLS / LANES) + (lane < KILLS % LANES ? 1 : 0)
    const rounds = Math.ceil(mine / KILLS_PER_ROUND)
    it(
      `lose nothing and double nothing in ${mine} kills at chosen moments, lane ${lane}`,
      async () => {
        const random = createRandom(SEED + lane)
        await using stage = await Stage.create({ random, version: lane % 2 === 0 ? '8.19.0' : '7.10.2' })
        const names = inRandomTurn(Object.keys(MOMENTS), mine, random)
        try {
          for (let at = 0; at < mine; at += KILLS_PER_ROUND) {
            await runRound(stage, random, names.slice(at, at + KILLS_PER_ROUND))
          }
        } catch (error) {
          throw new Error(`TEK_FAULT_SEED=${SEED}, after ${kills} kills: ${(error as Error).message}`, { cause: error })
        } finally {
          records += stage.records
          conflicts += stage.first.conflicts
          repeatedRows += stage.repeatedRows
          peakRssMb = Math.max(peakRssMb, stage.peakRssMb)
        }
      },
      rounds * ROUND_MS,
    )
  }
})
