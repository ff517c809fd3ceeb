/**
 * Builds indexes in a process of its own: over a table of many rows that takes seconds to minutes, and the driver keeps its
 * thread all the while. A process, and not a thread, because it can be ended in the middle of a statement, which SQLite
 * undoes: a pump that is told to stop does not wait for it. This file is also that process's program.
 */
import { fork } from 'node:child_process'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** For the locks of others, a second pump for one. Nobody else waits for this process. */
const BUSY_TIMEOUT_MS = 10_000

/** The word after the program's name that makes a process such a one; it shows in listings of processes. */
const KIND = 'sql-indexes'

interface Order {
  readonly path: string
  readonly statements: readonly string[]
}

type Report =
  { readonly kind: 'built' } | { readonly kind: 'failed'; readonly message: string; readonly errcode?: number }

/**
 * Runs the statements one after the other. The file is locked for writers while one of them runs, never for readers.
 *
 * @throws SQLite's error with its `errcode`, or one that says that the process ended early, for an abort too.
 */
export async function buildIndexes(path: string, statements: readonly string[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  // Sorting needs room; the system's folder for temporary files may be small, or closed in a container.
  const env = { ...process.env, SQLITE_TMPDIR: dirname(path) }
  const child = fork(fileURLToPath(import.meta.url), [KIND], {
    execArgv: [],
    env,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const { promise, resolve, reject } = Promise.withResolvers<Report>()
  const kill = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  child.once('message', (report: Report) => resolve(report))
  child.once('error', reject)
  child.once('exit', (code, killed) => reject(new Error(`the process that builds indexes ended (${code ?? killed})`)))
  child.send({ path, statements } satisfies Order, (error) => {
    if (error) reject(error)
  })
  try {
    const report = await promise
    if (report.kind === 'failed') throw Object.assign(new Error(report.message), { errcode: report.errcode })
  } finally {
    signal.removeEventListener('abort', kill)
    if (child.connected) child.disconnect()
  }
}

async function obey({ path, statements }: Order): Promise<Report> {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    for (const sql of statements) {
      // The pump is gone. What is built so far stays.
      if (!process.connected) break
      db.exec(sql)
      await nextTurn()
    }
    return { kind: 'built' }
  } catch (error) {
    const { message, errcode } = error as Error & { errcode?: number }
    return { kind: 'failed', message, ...(errcode !== undefined && { errcode }) }
  } finally {
    db.close()
  }
}

if (process.argv[2] === KIND && process.send !== undefined) {
  process.once('message', (order: Order) => {
    void obey(order).then((report) => {
      if (process.connected) process.send?.(report)
    })
  })
}
