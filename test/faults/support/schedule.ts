import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Random } from '../../support/random.ts'
import type { Fault } from './elasticsearch.ts'
import type { Stage } from './stage.ts'

const STEPS = 14

type Step = (stage: Stage, random: Random, faults: readonly Fault[]) => Promise<unknown> | void

const somePump: Step = (stage) => (stage.pumps.size < 2 ? stage.startPump() : undefined)

/** Each by what it says of itself in a report; those that stand twice come twice as often. */
const ACTIONS: readonly (readonly [string, Step])[] = [
  ['push', (stage, random) => stage.push(10 + random.integer(300), 0.02)],
  ['push', (stage, random) => stage.push(10 + random.integer(300))],
  ['push', (stage, random) => stage.push(10 + random.integer(300))],
  ['start a pump', somePump],
  ['start a pump', somePump],
  ['kill a pump', (stage, random) => (stage.pumps.size > 0 ? stage.kill(random.pick([...stage.pumps])) : undefined)],
  ['stop a pump', (stage, random) => (stage.pumps.size > 0 ? stopOne(stage, random) : undefined)],
  [
    'let a pump sleep',
    (stage, random) => (stage.pumps.size > 0 ? stage.sleep(random.pick([...stage.pumps])) : undefined),
  ],
  ['wake a pump', (stage, random) => wakeOne(stage, random)],
  ['let those that give no sign count as dead', (stage) => stage.bury()],
  ['trouble the first target', troubleFirst],
  ['trouble the first target', troubleFirst],
  ['trouble the second target', (stage) => stage.second.away(true)],
  ['heal the first target', (stage) => stage.first.heal()],
  ['heal the second target', (stage) => stage.second.away(false)],
  ['restart Redis', restartRedis],
  ['cut off Redis', (stage) => stage.proxy.away(true)],
  ['connect Redis', (stage) => stage.proxy.away(false)],
  ['make Redis slow', (stage, random) => void (stage.proxy.latencyMs = random.pick([100, 700, 2_000, 2_500]))],
  ['make Redis fast', (stage) => void (stage.proxy.latencyMs = 0)],
  ['make Redis read-only', (stage) => stage.client.replicaof('127.0.0.1', 1)],
  ['make Redis writable', (stage) => stage.client.replicaof('NO', 'ONE')],
]

async function troubleFirst({ first }: Stage, random: Random, faults: readonly Fault[]): Promise<void> {
  // A real server has to be put right before something else can be wrong with it.
  await first.heal()
  await first.misbehave(random.pick(faults), random.next() < 0.5)
}

async function restartRedis(stage: Stage): Promise<void> {
  await stage.redis.kill()
  await stage.redis.start()
}

async function stopOne(stage: Stage, random: Random): Promise<void> {
  const pump = random.pick([...stage.pumps])
  // One that sleeps would not hear of it.
  pump.program.kill('SIGCONT')
  expect(await stage.stop(pump)).toBe(0)
}

function wakeOne(stage: Stage, random: Random): void {
  if (stage.pumps.size > 0) random.pick([...stage.pumps]).program.kill('SIGCONT')
}

/**
 * Does one thing after another to pumps, Redis and both targets, and looks for every record after each of them.
 *
 * @throws with the seed and everything that was done.
 */
export async function runSchedule(stage: Stage, random: Random, faults: readonly Fault[], seed: number): Promise<void> {
  const done: string[] = []
  // A pump that cannot reach Redis for long loses its leases to another one, and one that stops then cannot acknowledge.
  stage.mayRepeat = true
  try {
    await stage.startPump()
    for (let step = 0; step < STEPS; step++) {
      const [name, act] = random.pick(ACTIONS)
      done.push(name)
      // Records can only be pushed to a Redis that takes them.
      if (name === 'push') await stage.client.replicaof('NO', 'ONE')
      await act(stage, random, faults)
      // The pace is part of the schedule.
      await delay(random.integer(800))
      await stage.expectNothingLost()
    }
    await stage.client.replicaof('NO', 'ONE')
    await stage.drain()
    for (const pump of stage.pumps) expect(await stage.stop(pump)).toBe(0)
    expect(await stage.client.keys('*:lease:*')).toEqual([])
  } catch (error) {
    const steps = done.join(', ')
    throw new Error(`TEK_FAULT_SEED=${seed}: ${(error as Error).message}\nafter: ${steps}`, { cause: error })
  }
}
