import { signal } from '@preact/signals'
import { ApiError, send, withParameters } from './client.ts'
import { createRowCounter } from './row-counter.ts'

export type ExportFormat = 'csv' | 'ndjson'

export interface ExportProgress {
  readonly format: ExportFormat
  readonly rows: number
  readonly sizeBytes: number
  /** Null when the store does not know it beforehand. */
  readonly total: number | null
  readonly state: 'running' | 'done' | 'cancelled' | 'failed'
  readonly message: string
}

export const exportProgress = signal<ExportProgress | null>(null)

let controller: AbortController | null = null

export function cancelExport(): void {
  controller?.abort()
}

/** Downloads the rows of the current query to a file that the browser saves. One at a time. */
export async function startExport(format: ExportFormat, parameters: Readonly<Record<string, string>>): Promise<void> {
  cancelExport()
  const mine = new AbortController()
  controller = mine
  let progress: ExportProgress = { format, rows: 0, sizeBytes: 0, total: null, state: 'running', message: '' }
  const show = (change: Partial<ExportProgress>): void => {
    progress = { ...progress, ...change }
    if (controller === mine) exportProgress.value = progress
  }
  show({})
  try {
    const response = await send(withParameters('/export', { ...parameters, format }), {
      signal: mine.signal,
      headers: { accept: '*/*' },
    })
    const total = response.headers.get('x-total-count')
    show({ total: total === null ? null : Number(total) })
    const chunks = await collect(response, format, show)
    save(new Blob(chunks, { type: format === 'csv' ? 'text/csv' : 'application/x-ndjson' }), format)
    show({ state: 'done' })
  } catch (error) {
    if (mine.signal.aborted) show({ state: 'cancelled' })
    else
      show({
        state: 'failed',
        message: error instanceof ApiError ? error.message : 'The download broke off. Try again.',
      })
  }
}

const SHOWN_EVERY_MS = 100

async function collect(
  response: Response,
  format: ExportFormat,
  show: (change: Partial<ExportProgress>) => void,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  if (response.body === null) return chunks
  const counter = createRowCounter(format)
  const reader = response.body.getReader()
  let sizeBytes = 0
  let rows = 0
  const timer = setInterval(() => show({ rows, sizeBytes }), SHOWN_EVERY_MS)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return chunks
      chunks.push(value)
      sizeBytes += value.length
      rows = counter.add(value)
    }
  } finally {
    clearInterval(timer)
    show({ rows, sizeBytes })
  }
}

function save(blob: Blob, format: ExportFormat): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = `requests-${new Date().toISOString().slice(0, 19).replace(/:/g, '')}.${format}`
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
