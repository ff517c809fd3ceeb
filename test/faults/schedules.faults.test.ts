/**
 * Whatever can go wrong, in random order and at the same time, with one pump or two, half of the time with a cap beyond
 * which records go to files: every record ends up in both targets, or is a dead letter. TEK_FAULT_SCHEDULES is how many
 * schedules (4), TEK_FAULT_SEED the first of them.
 */
import { beforeAll, describe, it } from 'vitest'
import { createRandom } from '../support/random.ts'
import { redisSkipReason } from '../support/redis.ts'
import type { Fault } from './support/elasticsearch.ts'
import { runSchedule } from './support/schedule.ts'
import { SCHEDULES, SEED } from './support/settings.ts'
import { Stage } from './support/stage.ts'

const TEST_MS = 300_000
const SPILL_BEYOND = 200

beforeAll(() => console.log(`TEK_FAULT_SEED=${SEED} TEK_FAULT_SCHEDULES=${SCHEDULES}`))

const FAULTS: readonly Fault[] = [
  'refuses connections',
  'hangs',
  'resets before it answers',
  'resets in the middle of its answer',
  'answers one byte per second',
  'answers 429',
  'answers 429 to every seventh item',
  'answers 400 to the fourth item',
  'answers 401',
  'answers 403 to every item',
  'answers 413 to more than eight items',
  'answers 503',
  'answers what is no JSON',
  'answers fewer items than it was sent',
  'answers 409 to what it has just stored',
]

describe.skipIf(redisSkipReason() ?? process.platform !== 'linux').concurrent('random schedules', () => {
  for (let number = 0; number < SCHEDULES; number++) {
    const seed = SEED + number
    it(
      `lose nothing and double nothing: TEK_FAULT_SEED=${seed}`,
      async () => {
        const random = createRandom(seed)
        const version = random.pick(['8.19.0', '7.10.2'])
        const spills = random.next() < 0.5
        await using stage = await Stage.create({ random, version, ...(spills && { spillBeyond: SPILL_BEYOND }) })
        await runSchedule(stage, random, FAULTS, seed)
      },
      TEST_MS,
    )
  }
})
