import { Cluster, Command, Pipeline, type Redis } from 'ioredis'
import type { RedisClient } from './stores.ts'

/** For every command of a transaction: its answers would be Buffers otherwise. */
export const AS_TEXT = { replyEncoding: 'utf8' } as const

/** What a command of a transaction is answered before it is done. */
export const QUEUED = 'QUEUED'

/** In the order of the commands; an Error for one that failed. */
type Answers = readonly unknown[]

export type Outcome =
  | { readonly kind: 'done'; readonly results: Answers }
  /** Nothing was done, or its answer was lost. `answers` are QUEUED, or why a command was refused. */
  | { readonly kind: 'failed'; readonly answers: Answers; readonly reason: unknown }

export const isError = (value: unknown): value is Error => value instanceof Error

/**
 * Sends commands whose keys share a slot as one transaction.
 *
 * Where Redis knows no transactions, or not for this user, they are done one by one, and the results are those.
 */
export async function transact(client: RedisClient, commands: readonly Command[]): Promise<Outcome> {
  try {
    const results = await (client instanceof Cluster ? inCluster(client, commands) : inTurn(client, commands))
    return { kind: 'done', results }
  } catch (err) {
    const answers = await answersTo(commands, err)
    if (!answers.includes(QUEUED)) return { kind: 'done', results: answers }
    return { kind: 'failed', answers, reason: answers.find(isError) ?? err }
  }
}

/** Answers to single commands come before that to the whole. One that was not even sent has none: it failed as well. */
function answersTo(commands: readonly Command[], failure: unknown): Promise<Answers> {
  const none = new Promise((resolve) => setImmediate(() => resolve(failure)))
  return Promise.all(commands.map(({ promise }) => Promise.race([promise.catch((err: unknown) => err), none])))
}

/** The client's own pipeline would copy every byte once more. Nothing else gets between commands of one turn. */
async function inTurn(client: Redis, commands: readonly Command[]): Promise<Answers> {
  const exec = new Command('exec')
  for (const command of [new Command('multi'), ...commands, exec]) {
    // Each has to be listened to; what counts is the answer to the last.
    command.promise.catch(() => {})
    client.sendCommand(command)
  }
  return (await exec.promise) as unknown[]
}

/** The pipeline knows how to follow a slot to another node, as a whole. */
async function inCluster(client: Cluster, commands: readonly Command[]): Promise<Answers> {
  // It would wait for ever for a cluster that is away.
  if (client.status !== 'ready') throw new Error('the cluster is not reachable')
  const pipeline = client.multi()
  if (!(pipeline instanceof Pipeline)) throw new TypeError('multi() of ioredis has made no Pipeline')
  for (const command of commands) pipeline.sendCommand(command)
  const results = (await pipeline.exec()) ?? []
  return results.map(([err, value]) => err ?? value)
}
