import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../support/random.ts'
import type { Moment } from './elasticsearch.ts'
import type { FileOperation, FileStep } from './file-gate.ts'
import type { RedisCommand, Side } from './redis-proxy.ts'
import type { Stage } from './stage.ts'

/** A moment in the work of a pump that is waited for, and that lasts until it is dropped. */
export interface Awaited {
  readonly reached: Promise<unknown>
  drop(): void
}

type Arm = (stage: Stage, random: Random) => Awaited

const inElasticsearch = (moment: Moment): Arm => {
  return ({ first }) => first.hold(moment)
}

const inRedis = (side: Side, matches: (command: RedisCommand, reply: string) => boolean): Arm => {
  return ({ proxy }) => {
    const held = proxy.hold(side, matches)
    return { reached: held.reached, drop: held.cut }
  }
}

const inFiles = (operation: FileOperation, when: FileStep['when']): Arm => {
  return ({ files }) => files.hold((step) => step.operation === operation && step.when === when)
}

const NOTHING_TAKEN = /^:(?:0|-1)\r/

const isTake = ({ name }: RedisCommand): boolean => name.startsWith('take-')
const isCommit = ({ name }: RedisCommand): boolean => name.startsWith('commit-')

const isCalled =
  (script: string) =>
  ({ name }: RedisCommand): boolean =>
    name === script

/**
 * Every step at which a pump can be killed, as it can be seen from outside. A commit also trims its lease: one script does
 * both, so there is nothing between them.
 */
export const MOMENTS: Readonly<Record<string, Arm>> = {
  'before a take reaches Redis': inRedis('request', isTake),
  'after Redis took, before the pump knows': inRedis(
    'reply',
    (command, reply) => isTake(command) && !NOTHING_TAKEN.test(reply),
  ),
  'after a read': inRedis('reply', ({ name }) => name === 'read-lease'),
  'when a bulk request has arrived': inElasticsearch('received'),
  'when half of a bulk request is stored': inElasticsearch('half stored'),
  'when a bulk request is stored but not answered': inElasticsearch('stored'),
  'in the middle of an answer': inElasticsearch('half answered'),
  'when an answer is under way': inElasticsearch('answered'),
  'after the answer, before the commit': inRedis('request', isCommit),
  'after the commit, before the pump knows': inRedis('reply', isCommit),
  'before dead letters are kept': inRedis('request', ({ name }) => name === 'push-dead-letters'),
  'after dead letters are kept, before the commit': inRedis('reply', ({ name }) => name === 'push-dead-letters'),
  'before a recovery': inRedis('request', ({ name }) => name === 'claim-leases'),
  'after a recovery, before the pump knows': inRedis('reply', ({ name }) => name === 'claim-leases'),
  'at any instant': (_, random) => ({ reached: delay(random.integer(2_000)), drop: () => undefined }),
}

/** The steps in which records go to files, while the first target is away. */
export const SPILL_MOMENTS: Readonly<Record<string, Arm>> = {
  'before a spill is announced': inRedis('request', isCalled('announce-spill')),
  'after a spill is announced, before the pump knows': inRedis('reply', isCalled('announce-spill')),
  'before a spill file is there': inFiles('create', 'before'),
  'when half of a spill file is written': inFiles('write', 'amid'),
  'before a spill file is synced': inFiles('sync', 'before'),
  'before a spill file is renamed': inFiles('rename', 'before'),
  'after a spill file is renamed': inFiles('rename', 'after'),
  'before a spill is committed': inRedis('request', isCalled('commit-spill')),
  'after a spill is committed, before the pump knows': inRedis('reply', isCalled('commit-spill')),
}

/** The steps in which they go back, once it is there again. */
export const RETURN_MOMENTS: Readonly<Record<string, Arm>> = {
  'before a spill file is read': inFiles('read', 'before'),
  'before spilled records are put back': inRedis('request', isCalled('put-spilled')),
  'after spilled records are put back, before the pump knows': inRedis('reply', isCalled('put-spilled')),
  'before a spill file is removed': inFiles('remove', 'before'),
  'after a spill file is removed': inFiles('remove', 'after'),
}

/** So many names that each comes as often as the others, or once more. */
export function inRandomTurn(names: readonly string[], count: number, random: Random): string[] {
  const turns: string[] = []
  while (turns.length < count) {
    const left = [...names]
    while (left.length > 0) turns.push(...left.splice(random.integer(left.length), 1))
  }
  return turns.slice(0, count)
}
