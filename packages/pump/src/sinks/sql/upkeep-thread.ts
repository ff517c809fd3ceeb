/**
 * Runs retention in a thread of its own. Deleting changes pages all over the indexes, and the wait for the disk that
 * follows is several times as long as that of a write: the pump's thread must not be the one that waits. This file is also
 * that thread's program.
 */
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { type Database, openDatabase } from './database.ts'
import { isBusy } from './errors.ts'
import { type Level, type RetentionLimits, type StepResult, Retention } from './retention.ts'
import { StoredRecords } from './stored-records.ts'

export interface ThreadData {
  readonly kind: typeof KIND
  readonly path: string
  readonly limits: RetentionLimits
  /** Whether every statement is told. */
  readonly traced: boolean
}

/** `step`: of the file as it is opened for the `opening`th time. `close`: ends the thread. */
export type Request = { readonly kind: 'step'; readonly opening: number } | { readonly kind: 'close' }

export type Reply =
  | { readonly kind: 'note'; readonly level: Level; readonly fields: object; readonly message: string }
  | { readonly kind: 'stepped'; readonly result: StepResult; readonly dropped: readonly string[] }
  | { readonly kind: 'failed'; readonly reason: string }

/** Tells this program from others that a thread may run with this file loaded. */
const KIND = 'sql-upkeep'

export function startThread(path: string, limits: RetentionLimits, traced: boolean): Worker {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { kind: KIND, path, limits, traced } satisfies ThreadData,
    name: KIND,
  })
  worker.unref()
  return worker
}

function serve({ path, limits, traced }: ThreadData, reply: (message: Reply) => void): (request: Request) => void {
  const note = (level: Level, fields: object, message: string): void => reply({ kind: 'note', level, fields, message })
  const retention = new Retention(limits, Date.now, note)
  let database: Database | null = null
  let openedAs = 0

  const close = (): void => {
    database?.close()
    database = null
  }

  const open = (): Database =>
    openDatabase(path, {
      explorerIndex: false,
      onStatement: (sql) => {
        if (traced) note('debug', { sql }, 'SQL statement')
      },
    })

  return (request) => {
    if (request.kind === 'close') {
      retention.report()
      close()
      return
    }
    try {
      if (request.opening !== openedAs) close()
      openedAs = request.opening
      database ??= open()
      const { result, dropped } = retention.step(new StoredRecords(database))
      reply({ kind: 'stepped', result, dropped })
    } catch (error) {
      close()
      // Another process writes, or builds an index. It is free again soon.
      if (isBusy(error)) reply({ kind: 'stepped', result: 'rest', dropped: [] })
      else reply({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) })
    }
  }
}

const data = workerData as ThreadData | null
if (!isMainThread && parentPort !== null && data?.kind === KIND) {
  const port = parentPort
  const obey = serve(data, (message) => port.postMessage(message))
  port.on('message', (request: Request) => {
    obey(request)
    if (request.kind === 'close') port.close()
  })
}
