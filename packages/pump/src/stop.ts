import { setTimeout as delay } from 'node:timers/promises'
import type { CreatedSink } from './create-sinks.ts'
import type { DeadLetters } from './dead-letters/index.ts'
import type { Delivery } from './delivery/index.ts'
import type { LeaseEngine } from './lease/index.ts'
import type { Log } from './log/log.ts'

export interface StopParts {
  readonly engine: LeaseEngine
  readonly deliveries: readonly Delivery[]
  readonly deadLetters: DeadLetters
  readonly sinks: readonly CreatedSink[]
  readonly log: Log
  /** The whole stop. */
  readonly stopMs: number
}

/**
 * The orderly end: take no more, send what can be sent, commit, close the sinks, give leases back. Each step has its
 * share of the time, so that a dead sink or a dead Redis cannot keep the process.
 */
export async function stopInOrder({ engine, deliveries, deadLetters, sinks, log, stopMs }: StopParts): Promise<void> {
  const until = (share: number): number => startedAt + stopMs * share
  const startedAt = Date.now()
  await within(engine.stopTaking(), until(0.1))
  log.info(`Shutting down ${deliveries.length} pumps...`)
  await Promise.all(deliveries.map((delivery) => delivery.stop(until(0.4), until(0.7))))
  await within(Promise.all(deliveries.map((delivery) => delivery.committed())), until(0.8))
  for (const delivery of deliveries) delivery.close()
  await Promise.all(sinks.map((sink) => closeSink(sink, log, until(0.9))))
  await within(deadLetters.close(), until(0.95))
  await within(engine.close(), until(1))
}

async function closeSink({ configured, sink }: CreatedSink, log: Log, deadline: number): Promise<void> {
  const { displayName } = configured.definition
  try {
    const closed = await within(sink.close(), deadline)
    if (closed) log.info(`${displayName} gracefully stopped.`)
    else log.error(`Error trying to gracefully shutdown  ${displayName}:it did not close in time`)
  } catch (error) {
    log.error(`Error trying to gracefully shutdown  ${displayName}:${(error as Error).message}`)
  }
}

/** Waits for a promise until a deadline, and tells whether it came. */
async function within(promise: Promise<unknown>, deadline: number): Promise<boolean> {
  const timer = new AbortController()
  const late = delay(Math.max(0, deadline - Date.now()), false, { signal: timer.signal }).catch(() => false)
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    timer.abort()
  }
}
