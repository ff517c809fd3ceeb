/**
 * The store over the SQLite file that the pump's sink `sql` writes: `tyk_analytics`, or with sharding one table per day.
 * The file is opened for reading only, by a thread of its own (`worker.ts`), which keeps the columns that questions are
 * about in memory (`table.ts`) and follows what the pump adds and deletes. A file that is not there yet is an empty store.
 */
import { ProblemError } from '../../errors.ts'
import type { Store } from '../types.ts'
import type { ExportPage } from './export.ts'
import { decodeCursor } from './page.ts'
import { createWorkerClient } from './worker-client.ts'

export interface SqliteStoreOptions {
  readonly path: string
}

export function createSqliteStore({ path }: SqliteStoreOptions): Store {
  const client = createWorkerClient({ path })
  let lastExport = 0
  // The worker's answers are those of `Engine`, whose types are the interface's.
  const ask = client.ask as <T>(...parameters: Parameters<typeof client.ask>) => Promise<T>

  return {
    kind: 'sqlite',
    target: path,
    fields: async (signal) => new Set(await ask<string[]>({ kind: 'fields' }, signal)),
    extent: (signal) => ask({ kind: 'extent' }, signal),
    overview: (question, signal) => ask({ kind: 'overview', question }, signal),
    requests: async (question, signal) => {
      if (question.after !== undefined && decodeCursor(question.after) === null) {
        const message = 'after is not from a page of this explorer'
        throw new ProblemError(400, 'bad_request', message, 'take next of the page before')
      }
      return ask({ kind: 'requests', question }, signal)
    },
    request: (id, signal) => ask({ kind: 'request', id }, signal),
    errors: (question, signal) => ask({ kind: 'errors', question }, signal),
    countries: (question, signal) => ask({ kind: 'countries', question }, signal),
    values: (question, field, prefix, signal) => ask({ kind: 'values', question, field, prefix }, signal),
    async *rows(question, signal) {
      const number = ++lastExport
      try {
        let isLast = false
        for (let page = 0; !isLast; page++) {
          const found = await ask<ExportPage>({ kind: 'export', number, page, question }, signal)
          isLast = found.isLast
          yield found.rows
        }
      } finally {
        // Whoever ended it does not wait, and a thread that is gone has forgotten it.
        ask({ kind: 'end-export', number }, new AbortController().signal).catch(() => undefined)
      }
    },
    isAtWork: () => !client.isStuck(),
    close: () => client.close(),
  }
}
