/**
 * Elasticsearch in every kind of trouble, seen by a real pump: the other sink has everything while the trouble lasts,
 * `/ready` says what is wrong, and afterwards every record is there once, or a dead letter.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { redisSkipReason } from '../support/redis.ts'
import { descriptorCount } from '../support/usage.ts'
import type { Fault } from './support/elasticsearch.ts'
import { SEED, randomOf } from './support/settings.ts'
import { Stage } from './support/stage.ts'

beforeAll(() => console.log(`TEK_FAULT_SEED=${SEED}`))

const WAIT_MS = 60_000
const TEST_MS = 240_000

/** Nothing gets through, and a person or time has to act. What the pump says about it. */
const STANDSTILLS: readonly [Fault, 'failing' | 'held', RegExp][] = [
  ['refuses connections', 'failing', /ECONNREFUSED|connect/i],
  ['hangs', 'failing', /no answer within 2 s|aborted/],
  ['resets before it answers', 'failing', /closed|hang up|ECONNRESET|terminated/i],
  ['resets in the middle of its answer', 'failing', /closed|aborted|terminated|ECONNRESET|connection/i],
  ['answers one byte per second', 'failing', /no answer within 2 s|aborted/],
  ['answers 429', 'failing', /429/],
  ['answers 401', 'held', /401|credentials/],
  ['answers 403 to every item', 'held', /403 cluster_block_exception/],
  ['answers 503', 'failing', /503/],
  ['answers what is no JSON', 'failing', /without the items of a bulk answer|JSON/],
]

/** Everything gets through in the end while it lasts, or becomes a dead letter. */
const OBSTACLES: readonly Fault[] = [
  'answers 429 to every seventh item',
  'answers 400 to the fourth item',
  'answers 413 to more than eight items',
  'answers fewer items than it was sent',
  'answers 409 to what it has just stored',
]

describe.skipIf(redisSkipReason() ?? process.platform !== 'linux').concurrent('Elasticsearch', () => {
  it.each(STANDSTILLS)(
    '%s: the sink is %s, the other one goes on, and nothing is lost',
    async (fault, status, reason) => {
      const random = randomOf(fault)
      await using stage = await Stage.create({ random, version: random.pick(['8.19.0', '7.10.2']) })
      const pump = await stage.startPump()
      await stage.push(100)
      await stage.delivered('FIRST')
      await stage.first.misbehave(fault, random.next() < 0.5)
      await stage.push(200)
      await stage.delivered('SECOND')
      await eventually(async () => {
        const { ready, redis, sinks } = await pump.ready()
        expect({ ready, redis: redis.status, first: sinks.FIRST.status, second: sinks.SECOND.status }).toEqual({
          ready: false,
          redis: 'up',
          first: status,
          second: 'ok',
        })
        expect(sinks.FIRST.last_error).toMatch(reason)
        expect(sinks.FIRST).toMatchObject({ taken: 300, delivered: 100, pending: 200 })
        expect(sinks.SECOND).toMatchObject({ taken: 300, delivered: 300, pending: 0, last_error: null })
      }, WAIT_MS)
      const { SECOND, FIRST } = Object.fromEntries(await stage.ledger())
      expect(FIRST).toMatchObject({ in: 300, delivered: 100, pending: 200, missing: 0 })
      expect(SECOND).toMatchObject({ in: 300, delivered: 300, pending: 0, missing: 0 })
      // What comes later is not delayed either.
      await stage.expectSecondGoesOn(pump)
      await stage.expectNothingLost()
      await stage.drain()
      const { taken, delivered, last_error } = (await pump.ready()).sinks.FIRST
      expect({ taken, delivered, last_error }).toEqual({ taken: stage.records, delivered: taken, last_error: null })
      expect(descriptorCount(pump.pid)).toBeLessThan(60)
    },
    TEST_MS,
  )

  it.each(OBSTACLES)(
    '%s: everything gets through while it lasts',
    async (fault) => {
      const random = randomOf(fault)
      await using stage = await Stage.create({ random, version: random.pick(['8.19.0', '7.10.2']) })
      const pump = await stage.startPump()
      await stage.first.misbehave(fault)
      const held = stage.first.hold('received')
      await stage.push(200, 0.02)
      await held.reached
      // The first one has not got any answer yet.
      await stage.delivered('SECOND')
      held.drop()
      await stage.delivered('FIRST')
      await stage.expectNothingLost()
      await eventually(async () => expect(await pump.ready()).toMatchObject({ ready: true }), WAIT_MS)
      const { delivered, dead_lettered: dead } = (await pump.ready()).sinks.FIRST
      expect(delivered + dead).toBe(200)
      await stage.drain()
    },
    TEST_MS,
  )
})
