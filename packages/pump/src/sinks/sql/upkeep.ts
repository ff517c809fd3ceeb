import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import type { Log } from '../../log/log.ts'
import type { RetentionLimits, StepResult } from './retention.ts'
import { unlessAborted } from './unless-aborted.ts'
import { type Reply, type Request, startThread } from './upkeep-thread.ts'

export interface UpkeepTimings {
  /** Until the first step. A command that only asks or checks has ended by then, and a pump has written its backlog. */
  readonly firstMs: number
  /** Between two looks at whether something is to be deleted. */
  readonly restMs: number
  /** How often the same error is logged. */
  readonly logEveryMs: number
}

export const DEFAULT_UPKEEP_TIMINGS: UpkeepTimings = { firstMs: 60_000, restMs: 1000, logEveryMs: 600_000 }

/** How long writes have the file for themselves after a step, in times of the step. */
const FREE_AFTER: Readonly<Record<Exclude<StepResult, 'rest'>, number>> = { more: 2, urgent: 1 }

/** Within which the thread ends by itself. */
const CLOSE_MS = 1000

export interface UpkeepDeps {
  readonly path: string
  readonly limits: RetentionLimits
  /** Whether every statement is logged. */
  readonly traced: boolean
  readonly timings: UpkeepTimings
  /** How often the sink has opened the file so far. */
  readonly opening: () => number
  readonly onDropped: (table: string) => void
  readonly log: Log
}

/**
 * Takes one step of retention after the other, from when the sink has opened the file first. It goes on while the sink
 * fails: on a full disk it is the cure. A step and a transaction of the sink never run
 * at the same time, so neither finds the file locked: the sink waits for its `turn`, some milliseconds. Steps have the
 * file for a third of the time at most, or for half of it when it grows faster than they delete.
 */
export class Upkeep {
  readonly #deps: UpkeepDeps
  #timer: NodeJS.Timeout | undefined
  #thread: Worker | null = null
  #underWay: Promise<void> | null = null
  #closed = false
  #failureLoggedAt = -Infinity

  constructor(deps: UpkeepDeps) {
    this.#deps = deps
    this.#schedule(deps.timings.firstMs)
  }

  /**
   * Resolves when no step is under way. What the caller does at once, before it waits for something, no step comes between.
   *
   * @throws SinkUnavailableError when aborted.
   */
  async turn(signal: AbortSignal): Promise<void> {
    while (this.#underWay) await unlessAborted(this.#underWay, signal, 'old records are being deleted')
  }

  /** No further step. Resolves when the thread has ended, and has told what was deleted and not yet logged. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    const thread = this.#thread
    this.#thread = null
    if (thread === null) return
    const ended = once(thread, 'exit').catch(() => undefined)
    send(thread, { kind: 'close' })
    const patience = new AbortController()
    await Promise.race([ended, delay(CLOSE_MS, undefined, { signal: patience.signal }).catch(() => undefined)])
    patience.abort()
    await thread.terminate()
  }

  #schedule(ms: number): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.#run(), ms)
    this.#timer.unref()
  }

  async #run(): Promise<void> {
    const opening = this.#deps.opening()
    if (opening === 0) return this.#schedule(this.#deps.timings.restMs)
    const startMs = performance.now()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#underWay = promise
    let result: StepResult = 'rest'
    try {
      result = await this.#step(opening)
    } catch (err) {
      this.#failed(err)
    } finally {
      this.#underWay = null
      resolve()
    }
    const tookMs = performance.now() - startMs
    this.#schedule(result === 'rest' ? this.#deps.timings.restMs : Math.max(1, tookMs * FREE_AFTER[result]))
  }

  async #step(opening: number): Promise<StepResult> {
    const { promise, resolve, reject } = Promise.withResolvers<StepResult>()
    const thread = (this.#thread ??= this.#start())
    const ended = (): void => reject(new Error('the thread has ended'))
    const onMessage = (reply: Reply): void => {
      if (reply.kind === 'failed') reject(new Error(reply.reason))
      if (reply.kind !== 'stepped') return
      reply.dropped.forEach(this.#deps.onDropped)
      resolve(reply.result)
    }
    thread.on('message', onMessage)
    thread.once('error', reject)
    thread.once('exit', ended)
    send(thread, { kind: 'step', opening })
    try {
      return await promise
    } finally {
      thread.off('message', onMessage)
      thread.off('error', reject)
      thread.off('exit', ended)
    }
  }

  #start(): Worker {
    const { path, limits, traced, log } = this.#deps
    const thread = startThread(path, limits, traced)
    thread.on('message', (reply: Reply) => {
      if (reply.kind === 'note') log[reply.level](reply.fields, reply.message)
    })
    thread.on('error', () => undefined)
    thread.once('exit', () => {
      if (this.#thread === thread) this.#thread = null
    })
    return thread
  }

  /** Records are delivered all the same. */
  #failed(err: unknown): void {
    const now = performance.now()
    if (this.#closed || now - this.#failureLoggedAt < this.#deps.timings.logEveryMs) return
    this.#failureLoggedAt = now
    this.#deps.log.warn({ err }, 'old records could not be deleted, this is tried again')
  }
}

function send(thread: Worker, request: Request): void {
  thread.postMessage(request, [])
}
