/**
 * Outages, kills and random schedules in front of a real Elasticsearch, where TEK_ELASTICSEARCH_8_URL names one: what the
 * scripted server takes for granted, that an id is stored once, is seen here. One schedule for each four of
 * TEK_FAULT_SCHEDULES.
 */
import { beforeAll, describe, it } from 'vitest'
import { createRandom } from '../support/random.ts'
import { redisSkipReason } from '../support/redis.ts'
import { REAL_FAULTS, REAL_MOMENTS, faceRealElasticsearch } from './support/real-elasticsearch.ts'
import { runSchedule } from './support/schedule.ts'
import { SCHEDULES, SEED, randomOf } from './support/settings.ts'
import { Stage } from './support/stage.ts'

const url = process.env['TEK_ELASTICSEARCH_8_URL']
if (url === undefined && process.env['CI']) throw new Error('TEK_ELASTICSEARCH_8_URL is not set: CI must test it')

const TEST_MS = 240_000
const KILLS_EACH = 4
const OWN_SCHEDULES = Math.ceil(SCHEDULES / 4)

beforeAll(() => console.log(`TEK_FAULT_SEED=${SEED} TEK_ELASTICSEARCH_8_URL=${url ?? '(not set: nothing to test)'}`))

describe.skipIf(redisSkipReason() ?? process.platform !== 'linux')('a real Elasticsearch', () => {
  it.skipIf(url === undefined).each(REAL_FAULTS)(
    '%s: the other sink goes on, and afterwards it has every record once',
    async (fault) => {
      const first = await faceRealElasticsearch(url ?? '', 'tek_faults')
      const random = randomOf(fault)
      await using stage = await Stage.create({ random, first, index: 'tek_faults' })
      const pump = await stage.startPump()
      await stage.push(100)
      await stage.delivered('FIRST')
      await first.misbehave(fault)
      await stage.push(200)
      await stage.delivered('SECOND')
      await stage.expectSecondGoesOn(pump)
      await stage.expectNothingLost()
      await stage.drain()
    },
    TEST_MS,
  )

  it.skipIf(url === undefined).each(REAL_MOMENTS)(
    'has every record once when pumps are killed while a bulk request is %s',
    async (name) => {
      const first = await faceRealElasticsearch(url ?? '', 'tek_faults')
      const random = randomOf(name)
      await using stage = await Stage.create({ random, first, index: 'tek_faults' })
      for (let kills = 0; kills < KILLS_EACH; kills++) {
        const pump = await stage.startPump()
        const moment = first.hold(name)
        await stage.bury()
        await stage.push(100 + random.integer(100))
        await moment.reached
        await stage.kill(pump)
        moment.drop()
        await stage.expectNothingLost()
      }
      await stage.drain()
    },
    TEST_MS,
  )

  for (let number = 0; number < OWN_SCHEDULES; number++) {
    const seed = SEED + number
    it.skipIf(url === undefined)(
      `has every record once after a random schedule: TEK_FAULT_SEED=${seed}`,
      async () => {
        const first = await faceRealElasticsearch(url ?? '', 'tek_faults')
        const random = createRandom(seed)
        await using stage = await Stage.create({ random, first, index: 'tek_faults' })
        await runSchedule(stage, random, REAL_FAULTS, seed)
      },
      TEST_MS,
    )
  }
})
