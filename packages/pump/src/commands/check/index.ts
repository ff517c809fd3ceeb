/**
 * `check`: walks the way of a record, from the configuration over Redis to a query of every sink, with a record of its own,
 * and says at which step it ends and what to do. No real record is touched.
 */
import type { Writable } from 'node:stream'
import type { CheckCommand } from '../../config/arguments.ts'
import type { PumpConfig } from '../../config/load.ts'
import { type CreatedSink, createSinks } from '../../create-sinks.ts'
import { openStores } from '../../dead-letters/index.ts'
import { ConfigError } from '../../errors.ts'
import type { Log } from '../../log/log.ts'
import { type RedisConnection, openRedis } from '../../redis/connection.ts'
import { buildTarget } from '../../redis/options.ts'
import { spillFolderProblem } from '../../spill/index.ts'
import { Progress, type ProgressOutput } from '../progress.ts'
import { checkConfig, refused } from './config-step.ts'
import { type Facts, gatherFacts } from './facts.ts'
import { checkGateway } from './gateway-step.ts'
import { checkLease } from './lease-step.ts'
import { formatEnd, formatJson, formatStep } from './print.ts'
import { askHealth, checkPump } from './pump-step.ts'
import { checkBacklog, checkDeadLetters, checkList } from './record-steps.ts'
import { checkRedis, cureOf } from './redis-step.ts'
import { FIND_MS, checkSink } from './sink-steps.ts'
import { type Step, failed, messageOf, skipped } from './step.ts'
import { syntheticRecord } from './synthetic.ts'
import { type SinkLog, createSinkLog } from './sink-log.ts'

export interface CheckDeps {
  readonly env: NodeJS.ProcessEnv
  readonly workingDirectory: string
  readonly print: (text: string) => void
  readonly progress: ProgressOutput
  /** Where sinks print that print: the standard output is the report's. */
  readonly output: Writable
  /** In place of how long a written record may stay out of sight. */
  readonly findMs?: number
}

/** Returns the exit code: 1 when some step failed. */
export async function runCheck(command: CheckCommand, deps: CheckDeps): Promise<number> {
  const steps: Step[] = []
  const progress = new Progress(deps.progress)
  for await (const step of walk(command, deps, progress)) {
    progress.clear()
    steps.push(step)
    deps.print(command.json ? formatJson(step) : formatStep(step))
  }
  if (!command.json) deps.print(formatEnd(steps))
  return steps.some(({ status }) => status === 'failed') ? 1 : 0
}

async function* walk(
  { confPath, confMustExist, debug }: CheckCommand,
  deps: CheckDeps,
  progress: Progress,
): AsyncGenerator<Step> {
  const { env, workingDirectory: cwd } = deps
  const { step, config } = checkConfig({ confPath, confMustExist, env, cwd })
  const sinkLog = createSinkLog(debug ? deps.progress.write : null)
  if (config === null) return yield step
  const sinks = tryCreate(config, deps, sinkLog.log)
  if (sinks instanceof ConfigError) return yield refused(sinks)
  const unusable = await spillFolderProblem(config.core.lease_cap, cwd)
  if (unusable !== null) return yield refused(unusable)
  yield step
  const redis = openRedis(buildTarget(config.core.analytics_storage_config))
  try {
    yield* walkRedis(redis, config, deps, sinkLog.log, progress)
    for (const sink of sinks) yield* walkSink(sink, config, sinkLog, deps.findMs ?? FIND_MS)
  } finally {
    redis.close()
    await Promise.allSettled(sinks.map(({ sink }) => sink.close()))
  }
}

function tryCreate(config: PumpConfig, deps: CheckDeps, log: Log): readonly CreatedSink[] | ConfigError {
  try {
    return createSinks(config.sinks, deps.workingDirectory, log, deps.output)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
}

/** Everything that lies in Redis; without it the sinks can still be walked. */
async function* walkRedis(
  redis: RedisConnection,
  config: PumpConfig,
  deps: CheckDeps,
  log: Log,
  progress: Progress,
): AsyncGenerator<Step> {
  const { core } = config
  const health = await askHealth(core)
  const { step, info } = await checkRedis(redis, core.analytics_storage_config)
  yield step
  if (info === null || step.status === 'failed') {
    yield checkPump(health, null)
    for (const name of ['gateway', 'list', 'backlog', 'lease', 'dead letters']) yield skipped(name, 'needs Redis')
    return
  }
  let facts: Facts
  try {
    facts = await gatherFacts(redis.client, core, progress.report)
  } catch (error) {
    return yield failed('list', messageOf(error), cureOf(messageOf(error)))
  }
  yield await checkGateway(redis, core.analytics_storage_config, facts)
  yield checkList(facts, health)
  yield checkPump(health, facts)
  yield checkBacklog(facts, config)
  yield await checkLease(redis.client, facts.prefix, syntheticRecord(new Date()))
  const places = openStores(config, redis, deps.workingDirectory, log)
  yield await checkDeadLetters(places)
  await Promise.allSettled([places.store.close(), places.fallback.close()])
}

async function* walkSink(
  sink: CreatedSink,
  { core }: PumpConfig,
  { warnings }: SinkLog,
  findMs: number,
): AsyncGenerator<Step> {
  yield* checkSink(sink, { core, warnings, findMs, record: syntheticRecord(new Date()) })
}
