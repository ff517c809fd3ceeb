/** Two pumps on one Redis that take each other's leases over, and a pump that is to stop while a target is dead. */
import { beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { redisSkipReason } from '../support/redis.ts'
import { MOMENTS } from './support/moments.ts'
import { SEED, randomOf } from './support/settings.ts'
import { Stage } from './support/stage.ts'

beforeAll(() => console.log(`TEK_FAULT_SEED=${SEED}`))

const WAIT_MS = 60_000
const TEST_MS = 240_000

describe.skipIf(redisSkipReason() ?? process.platform !== 'linux').concurrent('a pump that sleeps', () => {
  it.each([
    'when a bulk request has arrived',
    'when half of a bulk request is stored',
    'when a bulk request is stored but not answered',
    'when an answer is under way',
    'after the answer, before the commit',
  ])(
    '%s loses its leases to another one, and cannot move anything when it wakes up',
    async (name) => {
      const random = randomOf(name)
      await using stage = await Stage.create({ random, version: random.pick(['8.19.0', '7.10.2']) })
      const sleeper = await stage.startPump()
      const moment = MOMENTS[name]!(stage, random)
      await stage.push(300)
      await moment.reached
      stage.sleep(sleeper)
      const heir = await stage.startPump()
      await stage.bury([sleeper.pid])
      await stage.delivered('FIRST')
      await stage.delivered('SECOND')
      await heir.program.waitForLine('leases recovered')
      sleeper.program.kill('SIGCONT')
      moment.drop()
      await stage.push(200)
      await stage.delivered('FIRST')
      await stage.delivered('SECOND')
      // What it held is in other hands; that is no loss, and it does not say that it were one.
      await eventually(async () => {
        for (const { pending, dropped } of Object.values((await sleeper.ready()).sinks)) {
          expect({ pending, dropped }).toEqual({ pending: 0, dropped: 0 })
        }
      }, WAIT_MS)
      await stage.expectNothingLost()
      await stage.drain()
      for (const pump of stage.pumps) expect(await stage.stop(pump)).toBe(0)
    },
    TEST_MS,
  )
})

describe.skipIf(redisSkipReason()).concurrent('a pump that is to stop', () => {
  it.each(['hangs', 'answers one byte per second', 'refuses connections', 'answers 401', 'answers 429'] as const)(
    'ends in order although a target %s and purge_delay is a minute, and leaves every record to the next one',
    async (fault) => {
      const random = randomOf(fault)
      await using stage = await Stage.create({ random, conf: { purge_delay: 60 } })
      const pump = await stage.startPump()
      await stage.push(100)
      await stage.delivered('FIRST')
      await stage.first.misbehave(fault, random.next() < 0.5)
      await stage.push(500)
      await stage.delivered('SECOND')
      await stage.expectSecondGoesOn(pump)
      // Of its own accord: the harness waits for as long as it takes.
      expect(await stage.stop(pump)).toBe(0)
      await pump.program.waitForLine('Tyk-pump stopped.')
      await stage.expectNothingLost()
      await stage.drain()
    },
    TEST_MS,
  )
})
