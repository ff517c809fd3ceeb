import { Worker } from 'node:worker_threads'
import { StoreUnavailableError, TooWideError } from '../types.ts'
import type { AnswerMessage, Ask, AskMessage, WorkerData } from './messages.ts'

export interface WorkerClientOptions {
  /** The thread's program; default `worker.ts`. */
  readonly entry?: URL
  /** How long a statement that is no longer wanted may go on before its thread is ended; default 3 s. */
  readonly stuckAfterMs?: number
}

/** Run from source in development and tests, else built. */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

interface Pending {
  readonly message: AskMessage
  resolve(answer: unknown): void
  reject(error: Error): void
}

export interface WorkerClient {
  /** @throws The signal's reason, StoreUnavailableError or TooWideError. */
  ask(ask: Ask, signal: AbortSignal): Promise<unknown>
  /** Whether the thread had to be ended, and the new one has answered nothing yet. */
  isStuck(): boolean
  close(): Promise<void>
}

/**
 * Asks a thread that answers one question after the other. A question that is given up ends within a piece of work; if
 * the thread is stuck in a statement it is ended, and another one gets the questions that are still wanted.
 */
export function createWorkerClient(
  data: WorkerData,
  { entry = WORKER, stuckAfterMs = 3000 }: WorkerClientOptions = {},
): WorkerClient {
  const pending = new Map<number, Pending>()
  let worker: Worker | null = null
  let lastNumber = 0
  let closed = false
  let watchdog: NodeJS.Timeout | null = null
  let isStuck = false

  const start = (): Worker => {
    const started = new Worker(entry, { workerData: data })
    started.on('message', (message: AnswerMessage) => settle(message))
    started.once('error', (error: Error) => fail(started, error.message))
    started.once('exit', (code) => fail(started, `the thread that reads it ended with code ${code}`))
    return started
  }

  const settle = (message: AnswerMessage): void => {
    // Whatever it answers, it is not stuck.
    isStuck = false
    stopWatching()
    const question = pending.get(message.number)
    pending.delete(message.number)
    watch()
    if (pending.size === 0) worker?.unref()
    if (question === undefined) return
    if ('answer' in message) question.resolve(message.answer)
    else question.reject(errorOf(message.error))
  }

  /** Ends all questions, unless the thread was ended on purpose. */
  const fail = (which: Worker, reason: string): void => {
    if (worker !== which) return
    worker = null
    stopWatching()
    const error = new StoreUnavailableError(`${data.path}: ${reason}`)
    for (const question of pending.values()) question.reject(error)
    pending.clear()
  }

  /** The thread is at the one that was asked first; those behind it wait, given up or not. */
  const isFirstGivenUp = (): boolean => {
    const [first] = pending.values()
    return first !== undefined && Atomics.load(first.message.cancelled, 0) !== 0
  }

  const stopWatching = (): void => {
    if (watchdog !== null) clearTimeout(watchdog)
    watchdog = null
  }

  const watch = (): void => {
    if (!isFirstGivenUp()) return
    watchdog ??= setTimeout(replace, stuckAfterMs)
    watchdog.unref()
  }

  const replace = (): void => {
    watchdog = null
    isStuck = true
    const stuck = worker
    worker = null
    void stuck?.terminate()
    for (const [number, { message }] of pending) if (Atomics.load(message.cancelled, 0) !== 0) pending.delete(number)
    if (pending.size === 0) return
    worker = start()
    for (const { message } of pending.values()) worker.postMessage(message, [])
  }

  worker = start()
  worker.unref()

  return {
    ask(ask, signal) {
      if (signal.aborted) return Promise.reject(signal.reason as Error)
      if (closed) return Promise.reject(new StoreUnavailableError('the store is closed'))
      const message: AskMessage = { number: ++lastNumber, ask, cancelled: new Int32Array(new SharedArrayBuffer(4)) }
      return new Promise((resolve, reject) => {
        const giveUp = (): void => {
          Atomics.store(message.cancelled, 0, 1)
          reject(signal.reason as Error)
          watch()
        }
        const unlisten = (): void => signal.removeEventListener('abort', giveUp)
        signal.addEventListener('abort', giveUp, { once: true })
        // A process that waits for an answer goes on; one that only has the store may end.
        pending.set(message.number, {
          message,
          resolve: (answer) => {
            unlisten()
            resolve(answer)
          },
          reject: (error) => {
            unlisten()
            reject(error)
          },
        })
        worker ??= start()
        worker.ref()
        worker.postMessage(message, [])
      })
    },
    isStuck: () => isStuck,
    async close() {
      closed = true
      const last = worker
      if (last !== null) {
        fail(last, 'the store is closed')
        await last.terminate()
      }
    },
  }
}

function errorOf({ kind, message }: Extract<AnswerMessage, { error: unknown }>['error']): Error {
  switch (kind) {
    case 'unavailable':
      return new StoreUnavailableError(message)
    case 'too-wide':
      return new TooWideError(message)
    case 'cancelled':
    case 'failed':
      return new Error(`reading the stored requests: ${message}`)
  }
}
