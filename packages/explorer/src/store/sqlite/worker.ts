/** The thread that reads the file: the driver blocks, and adding up a million rows takes a while. */
import { parentPort, workerData } from 'node:worker_threads'
import { TooWideError } from '../types.ts'
import { cancelCheck, CancelledError } from './cancel.ts'
import { Engine } from './engine.ts'
import type { AnswerMessage, AskMessage, ErrorKind, WorkerData } from './messages.ts'

const { path } = workerData as WorkerData
const engine = new Engine(path)
let isWarming = false

parentPort?.on('message', (message: AskMessage) => {
  parentPort?.postMessage(answer(message), [])
  keepWarm()
})
keepWarm()

function answer({ number, ask, cancelled }: AskMessage): AnswerMessage {
  try {
    const check = cancelCheck(cancelled)
    check()
    return { number, answer: engine.answer(ask, check) }
  } catch (error) {
    const kind = kindOf(error)
    // A database error may leave a connection that is of no use.
    if (kind === 'unavailable') engine.close()
    return { number, error: { kind, message: messageOf(error, kind) } }
  }
}

function kindOf(error: unknown): ErrorKind {
  if (error instanceof CancelledError) return 'cancelled'
  if (error instanceof TooWideError) return 'too-wide'
  const { code, syscall } = error as { code?: unknown; syscall?: unknown }
  return code === 'ERR_SQLITE_ERROR' || syscall !== undefined ? 'unavailable' : 'failed'
}

function messageOf(error: unknown, kind: ErrorKind): string {
  if (!(error instanceof Error)) return String(error)
  return kind === 'unavailable' ? `${path}: ${error.message}` : error.message
}

/** Loads ahead, a piece at a time, with questions in between. */
function keepWarm(): void {
  if (isWarming) return
  isWarming = true
  setImmediate(warm)
}

function warm(): void {
  try {
    isWarming = engine.warm()
  } catch {
    // Whoever asks next is told.
    isWarming = false
    engine.close()
  }
  if (isWarming) setImmediate(warm)
}
